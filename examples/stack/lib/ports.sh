# A port that somebody else holds is reported before anything is started.
# shellcheck shell=bash

# ports_of NAME: what the service listens on.
ports_of() {
  case $1 in
    postgres) say "$OLYMPUS_POSTGRES_PORT" ;;
    redis) say "$OLYMPUS_REDIS_PORT" ;;
    commerce-*) say $((OLYMPUS_COMMERCE_PORT + ${1#commerce-} - 1)) ;;
    auth-1) say "$OLYMPUS_AUTH_PORT" ;;
    analytics-1) say "$OLYMPUS_ANALYTICS_PORT" ;;
    gateway) printf '%s\n' "$OLYMPUS_PORT" "$OLYMPUS_ADMIN_PORT" "$OLYMPUS_METRICS_PORT" ;;
  esac
}

# require_ports NAME...: names every port that is taken, then gives up.
require_ports() {
  local name port taken=
  for name in "$@"; do
    for port in $(ports_of "$name"); do
      is_taken "$port" || continue
      complain "port $port, which $name needs, is in use$(holder_of "$port")"
      taken=yes
    done
  done
  [[ -z $taken ]] || die "end what holds it, or choose another port (see 'make help')"
}

is_taken() {
  if command -v ss >/dev/null; then
    [[ -n $(ss -Hltn "sport = :$1") ]]
  else
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
  fi
}

# holder_of PORT: " by NAME (process ID)" when the system tells us.
holder_of() {
  command -v ss >/dev/null || return 0
  ss -Hltnp "sport = :$1" | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ by \1 (process \2)/p' | head -n 1
}
