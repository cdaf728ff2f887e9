-- Demo data: always the same, added where it is missing. The ids of users are those that the auth service gives its
-- demo users (examples/auth/demo.rs); all others are derived from names in the same way, as UUIDv8 of a digest.
DO $$
DECLARE
    tenant record;
    person record;
BEGIN
    PERFORM set_config('olympus.scope', 'platform', true);
    INSERT INTO tenants (id, slug, name, created_at) VALUES
        ('54bff318-392f-868e-8e2e-16bfc75fa2cc', 'acme', 'Acme', '2026-01-01Z'),
        ('2cd3c240-408d-8030-9c22-10fdc1e4506c', 'globex', 'Globex', '2026-01-01Z')
    ON CONFLICT DO NOTHING;
    FOR tenant IN
        SELECT * FROM (VALUES ('acme', '54bff318-392f-868e-8e2e-16bfc75fa2cc'::uuid, 140, 350),
            ('globex', '2cd3c240-408d-8030-9c22-10fdc1e4506c', 60, 150)) AS t (slug, id, products, orders)
    LOOP
        PERFORM set_config('olympus.tenant', tenant.id::text, true);
        FOR person IN
            SELECT * FROM (VALUES
                ('acme', '448edd54-f8f1-80dd-acf4-27a2458ea31c'::uuid, 'platform@acme.example', 'Petra Platform', 'platform_admin'),
                ('acme', '9be767b5-5cf2-8afa-ab60-bc10e473bf8d', 'admin@acme.example', 'Ada Admin', 'tenant_admin'),
                ('acme', '6a9f42f5-4ebd-8029-8a90-943192765ddd', 'manager@acme.example', 'Max Manager', 'manager'),
                ('acme', '1bcce415-5606-8ac9-8044-fe6ac5caef9f', 'member@acme.example', 'Mia Member', 'member'),
                ('acme', 'c7067b8b-af05-87d5-9342-8bcd95abd42d', 'viewer@acme.example', 'Vic Viewer', 'viewer'),
                ('globex', 'b86b7352-157f-8816-95eb-405c0f30f6a8', 'admin@globex.example', 'Gus Admin', 'tenant_admin')
            ) AS p (slug, id, email, name, role) WHERE p.slug = tenant.slug
        LOOP
            INSERT INTO users (tenant_id, id, email, name, created_at)
            VALUES (tenant.id, person.id, person.email, person.name, '2026-01-01Z') ON CONFLICT DO NOTHING;
            -- A user who was deleted, or whose address somebody else has, gets no role.
            INSERT INTO grants (tenant_id, user_id, role, granted_by, created_at)
            SELECT tenant.id, users.id, person.role, 'demo', '2026-01-01Z'
            FROM users WHERE users.tenant_id = tenant.id AND users.id = person.id AND deleted_at IS NULL
            ON CONFLICT DO NOTHING;
        END LOOP;

        INSERT INTO products (tenant_id, id, sku, name, description, price, currency, stock, created_at, updated_at)
        SELECT tenant.id,
            overlay(overlay(md5(tenant.slug || '/product/' || n) PLACING '8' FROM 13) PLACING '9' FROM 17)::uuid,
            upper(left(tenant.slug, 2)) || '-' || lpad(n::text, 4, '0'),
            (ARRAY['Small', 'Large', 'Oak', 'Steel', 'Linen', 'Travel', 'Garden'])[1 + n % 7] || ' '
                || (ARRAY['Lamp', 'Table', 'Chair', 'Kettle', 'Backpack', 'Clock', 'Mirror', 'Shelf', 'Rug', 'Vase', 'Bench'])[1 + n % 11]
                || ' ' || n,
            'Number ' || n || ' of the demo catalogue, for the '
                || (ARRAY['kitchen', 'office', 'garden', 'hall', 'workshop'])[1 + n % 5],
            100 * (1 + n * 37 % 500) - 1, 'EUR', n * 13 % 90,
            '2026-01-02Z'::timestamptz + n * interval '1 hour', '2026-01-02Z'::timestamptz + n * interval '1 hour'
        FROM generate_series(1, tenant.products) AS n
        ON CONFLICT DO NOTHING;

        CREATE TEMPORARY TABLE demo_lines ON COMMIT DROP AS
        SELECT o AS number, line,
            overlay(overlay(md5(tenant.slug || '/order/' || o) PLACING '8' FROM 13) PLACING '9' FROM 17)::uuid AS order_id,
            product.id AS product_id, 1 + (o + line) % 3 AS quantity, product.price
        FROM generate_series(1, tenant.orders) AS o, generate_series(1, 1 + o % 3) AS line,
            LATERAL (SELECT id, price FROM products WHERE products.tenant_id = tenant.id
                AND sku = upper(left(tenant.slug, 2)) || '-' || lpad((1 + (o * 7 + line * 11) % tenant.products)::text, 4, '0')
            ) AS product;

        INSERT INTO orders (tenant_id, id, user_id, status, total, currency, created_at, updated_at)
        SELECT tenant.id, order_id,
            (SELECT id FROM users WHERE users.tenant_id = tenant.id AND deleted_at IS NULL
                ORDER BY id OFFSET number % (SELECT count(*) FROM users WHERE users.tenant_id = tenant.id AND deleted_at IS NULL)
                LIMIT 1),
            (ARRAY['pending', 'paid', 'shipped', 'delivered', 'delivered', 'cancelled'])[1 + number % 6],
            sum(quantity * price), 'EUR',
            '2026-02-01Z'::timestamptz + number * interval '1 hour', '2026-02-01Z'::timestamptz + number * interval '1 hour'
        FROM demo_lines GROUP BY order_id, number
        ON CONFLICT DO NOTHING;

        INSERT INTO order_items (tenant_id, order_id, line, product_id, quantity, price)
        SELECT tenant.id, order_id, line, product_id, quantity, price FROM demo_lines
        ON CONFLICT DO NOTHING;
        DROP TABLE demo_lines;
    END LOOP;
END
$$;
