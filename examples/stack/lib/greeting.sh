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
}

greet() {
  cat <<TEXT

Olympus is up.
  public    $(base_url)
  admin     $(admin_url)   token $(secret admin.token)
  metrics   $(metrics_url)/metrics
  settings for scripts in .run/env, logs in .run/log, process ids in .run/NAME.pid
  PostgreSQL (port $OLYMPUS_POSTGRES_PORT) holds the tenants acme and globex; Redis (port $OLYMPUS_REDIS_PORT) is up, too, but the
  gateway does not use it yet.

Five things to try from this folder:
  curl -s $(base_url)/api/v1/status
  curl -s '$(base_url)/api/commerce/products?limit=2'
  curl -s '$(base_url)/api/analytics/query?metric=revenue&group_by=country&tenant=acme'
  curl -s $(metrics_url)/metrics | grep ^olympus_
  curl -s -H "Authorization: Bearer \$(cat .run/admin.token)" $(admin_url)/upstreams
Then break something, and repeat the second and the last:
  kill -9 \$(cat .run/commerce-1.pid)
  examples/stack/service start commerce-1

TEXT
}
