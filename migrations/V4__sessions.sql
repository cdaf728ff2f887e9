-- Logins, what renews them, what ends them, and keys for programs. Tokens and keys are kept as SHA-256 of themselves.
-- The platform sees these tables whole: a token is looked up before its tenant is known, every instance polls the
-- revocations of all tenants, and a job clears away what has expired.

CREATE TABLE sessions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    agent text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_because text,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT sessions_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT sessions_end_known
        CHECK (ended_because IN ('logout', 'reuse', 'revoked', 'suspended', 'expired')),
    CONSTRAINT sessions_end_whole CHECK ((ended_at IS NULL) = (ended_because IS NULL))
);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id, created_at, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sessions
    USING (tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid);
CREATE POLICY platform ON sessions
    USING (current_setting('olympus.scope', true) = 'platform');
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO olympus_app;

-- A family is all refresh tokens of one login; each generation is used once. A used one that comes again within a few
-- seconds from the same device is given the same successor, which is derived and not stored; later it ends the family.
CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY,
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    family_id uuid NOT NULL,
    generation integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT refresh_tokens_session_fkey
        FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT refresh_tokens_generation_key UNIQUE (tenant_id, family_id, generation),
    CONSTRAINT refresh_tokens_generation_range CHECK (generation >= 0),
    CONSTRAINT refresh_tokens_hash_length CHECK (octet_length(hash) = 32)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (tenant_id, session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON refresh_tokens
    USING (tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid);
CREATE POLICY platform ON refresh_tokens
    USING (current_setting('olympus.scope', true) = 'platform');
GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_tokens TO olympus_app;

-- What was issued for the subject before `not_before` is no longer believed. After `expires_at` nothing of it could
-- still be valid, and the row may go.
CREATE TABLE revocations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    kind text NOT NULL,
    subject text NOT NULL,
    not_before timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT revocations_kind_known CHECK (kind IN ('token', 'session', 'user', 'tenant', 'api_key'))
);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

-- Readers ask for what is later than the last id they saw, so ids must become visible in their order: whoever inserts
-- waits for those who did so before.
CREATE FUNCTION revocations_in_order() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('olympus.revocations', 0));
    RETURN NULL;
END
$$;
CREATE TRIGGER in_order BEFORE INSERT ON revocations
    FOR EACH STATEMENT EXECUTE FUNCTION revocations_in_order();

ALTER TABLE revocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE revocations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON revocations
    USING (tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid);
CREATE POLICY platform ON revocations
    USING (current_setting('olympus.scope', true) = 'platform');
GRANT SELECT, INSERT, DELETE ON revocations TO olympus_app;

CREATE TABLE api_keys (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    hash bytea NOT NULL,
    -- The first characters of the key, by which its owner recognises it.
    hint text NOT NULL,
    scopes text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_keys_hash_key UNIQUE (hash),
    CONSTRAINT api_keys_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT api_keys_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT api_keys_hash_length CHECK (octet_length(hash) = 32)
);
CREATE INDEX api_keys_by_user ON api_keys (tenant_id, user_id, created_at, id);

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys
    USING (tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid);
CREATE POLICY platform ON api_keys
    USING (current_setting('olympus.scope', true) = 'platform');
GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO olympus_app;
