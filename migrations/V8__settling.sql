-- Requests that may be sent again, what is still to be settled with backends, and what buyers say of their orders.

-- A key is claimed for a while, so that a request whose instance died may be sent again.
ALTER TABLE idempotency_keys ADD COLUMN claim_id uuid, ADD COLUMN claimed_until timestamptz;

-- What was begun with a backend and is not over: written before the backend is asked, gone when both sides agree.
CREATE TABLE intents (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    kind text NOT NULL,
    subject uuid NOT NULL,
    state text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, kind, subject)
);
CREATE INDEX intents_due ON intents (kind, due_at);

ALTER TABLE intents ENABLE ROW LEVEL SECURITY;
ALTER TABLE intents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON intents
    USING (tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid);
CREATE POLICY platform ON intents
    USING (current_setting('olympus.scope', true) = 'platform');
GRANT SELECT, INSERT, UPDATE, DELETE ON intents TO olympus_app;

ALTER TABLE orders ADD COLUMN note text, ADD COLUMN shipping_address text;
ALTER TABLE orders
    ADD CONSTRAINT orders_note_length CHECK (char_length(note) BETWEEN 1 AND 1000),
    ADD CONSTRAINT orders_address_length CHECK (char_length(shipping_address) BETWEEN 1 AND 500);
