# The whole of it: what is started in which order, when it counts as ready, and how it ends.
# shellcheck shell=bash

STACK_LIB=$(dirname "${BASH_SOURCE[0]}")
for part in settings say lock signals process ports secrets packages build postgres redis programs greeting; do
  # shellcheck source=/dev/null
  source "$STACK_LIB/$part.sh"
done

# bring_up: everything that is not running yet.
bring_up() {
  install_missing
  build_programs
  prepare_venv venv "$ROOT/examples/analytics/requirements.txt"
  find_programs
  make_secrets
  make_keys
  local name missing=()
  mapfile -t missing < <(not_running)
  require_ports "${missing[@]}"
  for name in "${missing[@]}"; do
    started+=("$name")
    launch "$name"
  done
  write_env
}

# undo: ends what `bring_up` started, in reverse order; what ran before goes on.
started=()
undo() {
  local index
  for ((index = ${#started[@]} - 1; index >= 0; index--)); do
    stop "${started[index]}"
  done
  [[ $(not_running | wc -l) -lt ${#SERVICES[@]} ]] || rm -f "$RUN_DIR/env"
}

prepare_run_dir() {
  mkdir -p "$LOG_DIR"
  chmod 711 "$RUN_DIR" # the database's user passes through
  chmod 700 "$LOG_DIR"
}

not_running() {
  local name
  for name in "${SERVICES[@]}"; do
    is_running "$name" || say "$name"
  done
}

# launch NAME: starts it and waits until it is ready.
launch() {
  say "starting $1"
  case $1 in
    postgres) start_postgres ;;
    redis) start_redis ;;
    commerce-*) start_commerce "${1#commerce-}" ;;
    auth-1) start_auth ;;
    analytics-1) start_analytics ;;
    gateway) start_gateway ;;
  esac
  wait_until 30 is_ready_or_gone "$1" || true
  is_up "$1" || { last_lines "$1"; die "$1 did not become ready"; }
  [[ $1 != postgres ]] || { create_database && prepare_tables; }
}

is_ready_or_gone() { is_gone "$1" || is_up "$1"; }

# is_up NAME: running, and answering that it is ready.
is_up() {
  is_running "$1" || return 1
  case $1 in
    postgres) postgres_is_ready ;;
    redis) redis_is_ready ;;
    gateway) answers "$OLYMPUS_METRICS_PORT" /readyz ;;
    *) answers "$(ports_of "$1")" /healthz ;;
  esac
}

# take_down: everything, in reverse order.
take_down() {
  local index
  rm -f "$RUN_DIR/env"
  for ((index = ${#SERVICES[@]} - 1; index >= 0; index--)); do
    stop "${SERVICES[index]}"
  done
}
