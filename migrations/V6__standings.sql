-- What instances read again and again, and a list that was not offered before.

-- Tenants of which something else is true than of most: every instance keeps them in mind.
CREATE INDEX tenants_apart ON tenants (id) WHERE status <> 'active' OR limits <> '{}';

-- The keys of a whole tenant, for those who administer it.
CREATE INDEX api_keys_by_time ON api_keys (tenant_id, created_at, id);
