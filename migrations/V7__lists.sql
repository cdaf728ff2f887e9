-- Lists are sorted by what begins an index: what is offered now that was not before.

CREATE INDEX products_by_change ON products (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
-- Numbers are sorted by code points, whatever the collation of the database: so what begins alike stands together.
CREATE INDEX products_by_sku ON products (tenant_id, sku COLLATE "C", id) WHERE deleted_at IS NULL;
-- Names are sorted as people read; to find those that begin alike takes another order.
CREATE INDEX products_by_name_prefix ON products (tenant_id, name COLLATE "C") WHERE deleted_at IS NULL;
CREATE INDEX users_by_change ON users (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_email ON users (tenant_id, email_key, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_by_change ON orders (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
