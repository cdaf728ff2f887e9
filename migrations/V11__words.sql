-- Searches find all that match. `search_products` gave the thousand best, and lists that are sorted by something else and
-- filtered further lost the others. Programs before this migration still call it.

-- Runs as the owner for the same reason, see V3. Reviewed: it has no way to name another tenant, gives ids only, which
-- are read again under the policy, and runs with a fixed search path.
CREATE FUNCTION matching_products(words text) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT product.id FROM public.products AS product
    WHERE product.tenant_id = nullif(current_setting('olympus.tenant', true), '')::uuid
        AND product.deleted_at IS NULL AND product.search @@ websearch_to_tsquery('simple', words)
$$;
REVOKE ALL ON FUNCTION matching_products FROM PUBLIC;
GRANT EXECUTE ON FUNCTION matching_products TO olympus_app;
