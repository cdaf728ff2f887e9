# Our own programs: the reference backends and the gateway.
# shellcheck shell=bash

# start_commerce INSTANCE: three of them share one data file.
start_commerce() {
  start "commerce-$1" env --chdir="$ROOT" "$PROGRAMS/examples/commerce" --name "commerce-$1" \
    --listen "127.0.0.1:$(ports_of "commerce-$1")" --data .run/commerce.db
}

start_auth() {
  start auth-1 env --chdir="$ROOT" "$PROGRAMS/examples/auth" --name auth-1 --listen "127.0.0.1:$OLYMPUS_AUTH_PORT" \
    --database .run/auth.db --seed-demo --service-token-file .run/service.token
}

start_analytics() {
  start analytics-1 env --chdir="$ROOT/examples/analytics" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    "$RUN_DIR/venv/bin/python" -m analytics --listen "127.0.0.1:$OLYMPUS_ANALYTICS_PORT" --name analytics-1
}

# On loopback no load balancer has to notice first, so the gateway stops accepting almost at once.
start_gateway() {
  (umask 077 && database_url >"$RUN_DIR/postgres.url")
  start gateway env --chdir="$ROOT" \
    OLYMPUS__LISTENERS__PUBLIC__ADDRESS="$OLYMPUS_BIND:$OLYMPUS_PORT" \
    OLYMPUS__ADMIN__LISTEN="127.0.0.1:$OLYMPUS_ADMIN_PORT" \
    OLYMPUS__ADMIN__METRICS_LISTEN="127.0.0.1:$OLYMPUS_METRICS_PORT" \
    OLYMPUS__ADMIN__TOKEN_FILE="$RUN_DIR/admin.token" \
    OLYMPUS__POSTGRES__URL_FILE="$RUN_DIR/postgres.url" \
    OLYMPUS__REDIS__URLS="[\"redis://127.0.0.1:$OLYMPUS_REDIS_PORT\"]" OLYMPUS__REDIS__PASSWORD_FILE="$RUN_DIR/redis.password" \
    OLYMPUS__AUTH__KEYS_DIR="$RUN_DIR/keys" OLYMPUS__DEFAULTS__ROUTE__AUTH="${OLYMPUS__DEFAULTS__ROUTE__AUTH:-optional}" \
    OLYMPUS__SERVER__DRAIN__DELAY="${OLYMPUS__SERVER__DRAIN__DELAY:-200ms}" \
    "$PROGRAMS/olympus" run -c "$OLYMPUS_CONF"
}

# answers PORT PATH: 2xx within a second.
answers() { curl --silent --fail --noproxy '*' --max-time 1 --output /dev/null "http://127.0.0.1:$1$2"; }
