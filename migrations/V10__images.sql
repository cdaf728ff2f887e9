-- Pictures of products: one each, taken as sent and served as taken.

CREATE TABLE product_images (
    tenant_id uuid NOT NULL,
    product_id uuid NOT NULL,
    kind text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    bytes bytea NOT NULL,
    -- What it is known by (ETag).
    digest bytea NOT NULL GENERATED ALWAYS AS (sha256(bytes)) STORED,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, product_id),
    CONSTRAINT product_images_product_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT product_images_kind_known CHECK (kind IN ('gif', 'jpeg', 'png', 'webp')),
    CONSTRAINT product_images_size_range CHECK (width > 0 AND height > 0)
);
-- Pictures do not get smaller by being compressed again.
ALTER TABLE product_images ALTER COLUMN bytes SET STORAGE EXTERNAL;

ALTER TABLE product_images ENABLE ROW LEVEL SECURITY;
ALTER TABLE product_images FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON product_images
    USING (tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON product_images TO olympus_app;
