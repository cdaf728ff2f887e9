# A private Redis: on loopback, with a password, keeping nothing on disk.
# shellcheck shell=bash

redis_server() { command -v redis-server || command -v valkey-server; }
redis_cli() { command -v redis-cli || command -v valkey-cli; }

start_redis() {
  local conf=$RUN_DIR/redis/redis.conf
  mkdir -p "$RUN_DIR/redis"
  (umask 077 && redis_settings >"$conf")
  start redis "$(redis_server)" "$conf"
}

redis_settings() {
  cat <<CONF
bind 127.0.0.1
port $OLYMPUS_REDIS_PORT
requirepass $(secret redis.password)
dir "$RUN_DIR/redis"
save ""
appendonly no
daemonize no
CONF
}

redis_is_ready() {
  [[ $(REDISCLI_AUTH=$(secret redis.password) timeout 2 "$(redis_cli)" -p "$OLYMPUS_REDIS_PORT" ping 2>/dev/null) == PONG ]]
}

redis_url() { say "redis://default:$(secret redis.password)@127.0.0.1:$OLYMPUS_REDIS_PORT/0"; }
