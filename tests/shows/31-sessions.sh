#!/usr/bin/env bash
# Sessions on two instances that share Postgres and Redis: login, call, refresh, call; the old refresh token again ends
# the session. Two devices are listed; logging one out leaves the other. A token that was taken back on one instance is
# refused by the other within a second, which is measured.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"
source .run/env

folder=$(mktemp -d)
port=$(free_port) metrics=$(free_port)
redis=${REDIS_URL##*@} redis=${redis%%/*}
# The stack's gateway once more, beside it.
env OLYMPUS__LISTENERS__PUBLIC__ADDRESS="127.0.0.1:$port" OLYMPUS__ADMIN__METRICS_LISTEN="127.0.0.1:$metrics" \
  OLYMPUS__POSTGRES__URL="$DATABASE_URL" OLYMPUS__AUTH__KEYS_DIR="$PWD/.run/keys" \
  OLYMPUS__REDIS__URLS="[\"redis://$redis\"]" OLYMPUS__REDIS__PASSWORD_FILE="$PWD/.run/redis.password" \
  OLYMPUS__SERVER__DRAIN__DELAY=0s \
  "$OLYMPUS" run -c examples/stack/gateway.toml >"$folder/access.log" 2>"$folder/gateway.log" &
second=$!
leave() { kill "$second" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap leave EXIT
other="http://127.0.0.1:$port"
is_connected() { [[ $(curl -s "$1/metrics" | awk '$1 == "olympus_redis_up" { print $2 }') == 1 ]]; }

# field NAME: of the data in a document.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][sys.argv[1]])' "$1"; }
# post BASE AGENT PATH DOCUMENT
post() { curl -s -A "$2" -H 'Content-Type: application/json' -d "$4" "$1/api/v1/auth/$3"; }
# status BASE TOKEN: of a call that needs a caller.
status() { curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $2" "$1/api/v1/auth/me"; }
is_refused() { [[ $(status "$1" "$2") == 401 ]]; }
log_in() { post "$1" "$2" login '{"tenant":"acme","email":"admin@acme.example","password":"olympus-demo-1"}'; }
renew() { post "$1" "$2" refresh "{\"refresh_token\":\"$3\"}"; }
agents() {
  curl -s -H "Authorization: Bearer $1" "$BASE/api/v1/auth/sessions" |
    python3 -c 'import json, sys; print(*sorted(it["agent"] for it in json.load(sys.stdin)["data"]))'
}

holds "the second instance is connected to Redis" within 20 is_connected "http://127.0.0.1:$metrics"
kill -0 "$second" || { cat "$folder/gateway.log"; exit 1; }
holds "so is the first" within 20 is_connected "$METRICS"

say "one device"
pair=$(log_in "$BASE" phone)
access=$(field access_token <<<"$pair") old=$(field refresh_token <<<"$pair")
curl -s -o /dev/null -X DELETE -H "Authorization: Bearer $access" "$BASE/api/v1/auth/sessions" # those of shows before
holds "a token of one instance opens the other" test "$(status "$other" "$access")" == 200
next=$(renew "$other" phone "$old")
holds "a refresh at the other gives a new pair" test "$(status "$BASE" "$(field access_token <<<"$next")")" == 200
holds "the same device at once is given the same pair" test "$(renew "$BASE" phone "$old")" == "$next"
stolen=$(renew "$other" thief "$old")
holds "somebody else with the old token is refused" grep -q refresh_failed <<<"$stolen"
holds "and the session has ended" within 2 is_refused "$BASE" "$(field access_token <<<"$next")"
holds "for good" grep -q refresh_failed <<<"$(renew "$BASE" phone "$(field refresh_token <<<"$next")")"

say "two devices"
phone=$(log_in "$BASE" phone | field access_token)
laptop=$(log_in "$other" laptop | field access_token)
holds "both are listed" test "$(agents "$phone")" == "laptop phone"
curl -s -o /dev/null -X POST -H "Authorization: Bearer $laptop" "$other/api/v1/auth/logout"
holds "one logs out" within 2 is_refused "$BASE" "$laptop"
holds "which leaves the other" test "$(status "$other" "$phone") $(agents "$phone")" == "200 phone"

say "how soon the other instance refuses what one took back, 12 times"
took() {
  python3 tests/shows/lib/revoked.py "$BASE" "$other" 12
}
took >"$folder/took"
say "  $(cat "$folder/took")"
holds "within a second each time" awk '{ exit !($NF <= 1000) }' "$folder/took"
verdict
