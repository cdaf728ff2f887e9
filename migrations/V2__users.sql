-- People and service accounts, and the roles they were given.

CREATE TABLE users (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    email text NOT NULL,
    -- A column, not an index on lower(email): under a policy a call of lower() could not use the index.
    email_key text NOT NULL GENERATED ALWAYS AS (lower(email)) STORED,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT users_email_shape CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND char_length(email) <= 254),
    CONSTRAINT users_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT users_status_known CHECK (status IN ('active', 'suspended'))
);
CREATE UNIQUE INDEX users_tenant_email_key ON users (tenant_id, email_key) WHERE deleted_at IS NULL;
CREATE INDEX users_by_time ON users (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_name ON users (tenant_id, name, id) WHERE deleted_at IS NULL;

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON users
    USING (tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON users TO olympus_app;

-- Which roles there are is the policy's to say. An empty resource means all of the tenant.
CREATE TABLE grants (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    resource text NOT NULL DEFAULT '',
    granted_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, role, resource),
    CONSTRAINT grants_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT grants_role_shape CHECK (role ~ '^[a-z][a-z0-9_]{0,62}$')
);
CREATE INDEX grants_by_role ON grants (tenant_id, role, user_id);

ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON grants
    USING (tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON grants TO olympus_app;
