-- Addresses and names of users are sorted as people read; to find those that begin alike takes another order, as V7 has
-- it for products.

CREATE INDEX users_by_email_prefix ON users (tenant_id, email_key COLLATE "C") WHERE deleted_at IS NULL;
CREATE INDEX users_by_name_prefix ON users (tenant_id, name COLLATE "C") WHERE deleted_at IS NULL;
