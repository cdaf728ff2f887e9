# What scripts and people need once everything is up: .run/env, and a few things to try.
# shellcheck shell=bash

base_url() { say "http://127.0.0.1:$OLYMPUS_PORT"; }
admin_url() { say "http://127.0.0.1:$OLYMPUS_ADMIN_PORT"; }
metrics_url() { say "http://127.0.0.1:$OLYMPUS_METRICS_PORT"; }

write_env() {
  local file=$RUN_DIR/env
  (umask 077 && env_lines >"$file.new" && mv "$file.new" "$file")
}

env_lines() {
  printf '%s=%q\n' BASE "$(base_url)" ADMIN "$(admin_url)" METRICS "$(metrics_url)" \
    ADMIN_TOKEN "$(secret admin.token)" SERVICE_TOKEN "$(secret service.token)" \
    OLYMPUS "$PROGRAMS/olympus" DATABASE_URL "$(database_url)" OWNER_URL "$(owner_url)" REDIS_URL "$(redis_url)"
  token_lines
}

# Tokens of the demo users. Tenants and users have the ids that the auth service and the database give them: UUIDv8 of
# the digests of `TENANT` and of `TENANT/EMAIL`.
token_lines() {
  local name tenant email role
  while read -r name tenant email role; do
    printf '%s=%q\n' "$name" "$(token_of "$tenant" "$email" "$role")"
  done <<USERS
TOKEN_PLATFORM_ADMIN acme platform@acme.example platform_admin
TOKEN_TENANT_ADMIN acme admin@acme.example tenant_admin
TOKEN_MANAGER acme manager@acme.example manager
TOKEN_MEMBER acme member@acme.example member
TOKEN_VIEWER acme viewer@acme.example viewer
TOKEN_OTHER_ADMIN globex admin@globex.example tenant_admin
USERS
}

# token_of TENANT EMAIL ROLE: good for a day.
token_of() {
  OLYMPUS__AUTH__KEYS_DIR=$RUN_DIR/keys "$PROGRAMS/olympus" token -c "$ROOT/conf/gateway.toml" --ttl 24h \
    --tenant "$(demo_id "$1")" --subject "$(demo_id "$1/$2")" --role "$3"
}

# demo_id TEXT: as `user_id` in examples/auth/demo.rs makes them.
demo_id() {
  "$(find_python)" -c 'import hashlib, sys, uuid
id = bytearray(hashlib.blake2s(sys.argv[1].encode()).digest()[:16])
id[6], id[8] = id[6] & 0x0F | 0x80, id[8] & 0x3F | 0x80
print(uuid.UUID(bytes=bytes(id)))' "$1"
}

greet() {
  cat <<TEXT

Olympus is up.
  public    $(base_url)
  admin     $(admin_url)   token $(secret admin.token)
  metrics   $(metrics_url)/metrics
  settings for scripts in .run/env, logs in .run/log, process ids in .run/NAME.pid
  PostgreSQL (port $OLYMPUS_POSTGRES_PORT) holds the tenants acme and globex; limits are counted in Redis (port $OLYMPUS_REDIS_PORT)

Six things to try from this folder:
  curl -s $(base_url)/api/v1/status
  curl -s '$(base_url)/api/commerce/products?limit=2'
  (. .run/env; curl -s -H "Authorization: Bearer \$TOKEN_MANAGER" \$BASE/api/commerce/headers)
  curl -s '$(base_url)/api/analytics/query?metric=revenue&group_by=country&tenant=acme'
  curl -s $(metrics_url)/metrics | grep ^olympus_
  curl -s -H "Authorization: Bearer \$(cat .run/admin.token)" $(admin_url)/upstreams
Then break something, and repeat the second and the last:
  kill -9 \$(cat .run/commerce-1.pid)
  examples/stack/service start commerce-1

TEXT
}
