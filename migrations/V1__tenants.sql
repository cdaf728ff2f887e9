-- Who owns the data, and the role that serves requests.
--
-- The role of this migration owns everything. `olympus_app` owns nothing and gets what each table grants; the role the
-- gateway connects as is that role or a member of it. It is made here where the owner may make roles.
DO $$
BEGIN
    IF to_regrole('olympus_app') IS NULL THEN
        CREATE ROLE olympus_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was migrated meanwhile
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role olympus_app is missing and % may not create it', current_user
            USING HINT = 'As an administrator: CREATE ROLE olympus_app;';
END
$$;

GRANT USAGE ON SCHEMA public TO olympus_app;

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    limits jsonb NOT NULL DEFAULT '{}',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenants_slug_key UNIQUE (slug),
    CONSTRAINT tenants_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$'),
    CONSTRAINT tenants_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT tenants_status_known CHECK (status IN ('active', 'suspended')),
    CONSTRAINT tenants_limits_object CHECK (jsonb_typeof(limits) = 'object')
);
CREATE INDEX tenants_by_time ON tenants (created_at, id);

-- A tenant sees itself. All of them are seen, made and changed in a transaction of the platform.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants FOR SELECT
    USING (id = nullif(current_setting('olympus.tenant', true), '')::uuid);
CREATE POLICY platform ON tenants
    USING (current_setting('olympus.scope', true) = 'platform');
GRANT SELECT, INSERT, UPDATE ON tenants TO olympus_app;
