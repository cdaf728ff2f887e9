-- A row of each table that belongs to a tenant, for a variable `tenant`.
INSERT INTO tenants (id, slug, name) VALUES (tenant, 'tenant-' || tenant, 'T');
INSERT INTO users (tenant_id, id, email, name) VALUES (tenant, tenant, 'a@b', 'A');
INSERT INTO grants (tenant_id, user_id, role) VALUES (tenant, tenant, 'member');
INSERT INTO products (tenant_id, id, sku, name, price, currency) VALUES (tenant, tenant, 's', 'lamp', 1, 'EUR');
INSERT INTO product_images (tenant_id, product_id, kind, width, height, bytes) VALUES (tenant, tenant, 'gif', 1, 1, 'b');
INSERT INTO orders (tenant_id, id, user_id, total, currency) VALUES (tenant, tenant, tenant, 1, 'EUR');
INSERT INTO order_items (tenant_id, order_id, line, product_id, quantity, price)
    VALUES (tenant, tenant, 1, tenant, 1, 1);
INSERT INTO sessions (tenant_id, id, user_id, expires_at) VALUES (tenant, tenant, tenant, now());
INSERT INTO refresh_tokens (hash, tenant_id, session_id, family_id, generation, expires_at)
    VALUES (sha256(tenant::text::bytea), tenant, tenant, tenant, 0, now());
INSERT INTO revocations (tenant_id, kind, subject, expires_at) VALUES (tenant, 'user', tenant, now());
INSERT INTO api_keys (tenant_id, id, user_id, name, hash, hint)
    VALUES (tenant, tenant, tenant, 'k', sha256(tenant::text::bytea), 'olk_');
INSERT INTO outbox (tenant_id, event_id, topic, key, payload) VALUES (tenant, tenant, 't', 'k', '{}');
INSERT INTO idempotency_keys (tenant_id, caller, key, request_hash, claim_id, expires_at)
    VALUES (tenant, 'c', 'k', '', tenant, now());
INSERT INTO intents (tenant_id, kind, subject, state, due_at) VALUES (tenant, 'account', tenant, 's', now());
INSERT INTO audit_log (tenant_id, id, actor, action, subject) VALUES (tenant, tenant, 'a', 'b', 'c');
