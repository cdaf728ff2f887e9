#!/usr/bin/env bash
# Postgres is away for 10 s under load, once frozen (SIGSTOP), once killed. Routes to data of the gateway's own answer
# 503 within the acquire timeout; proxied routes and routes that check tokens go on, none of their requests fails, and
# they take no longer. When Postgres is back, so are the data, without a restart of the gateway.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"
source .run/env

away=10
acquire=1000 # ms, postgres.acquire_timeout
slack=250    # ms that a loaded machine may add
host=${BASE#http://}
folder=$(mktemp -d)
gateway=$(cat .run/gateway.pid)
stopped=()

# bring_back: whatever this show did to Postgres.
bring_back() {
  ((${#stopped[@]} == 0)) || kill -CONT "${stopped[@]}" 2>/dev/null || true
  stopped=()
  examples/stack/service status postgres >/dev/null 2>&1 || examples/stack/service start postgres >/dev/null 2>&1
}

leave() {
  bring_back || true
  rm -rf "$folder"
}
trap leave EXIT

# freeze: the server first, which makes the others.
freeze() {
  local server
  server=$(cat .run/postgres.pid)
  kill -STOP "$server"
  mapfile -t stopped < <(printf '%s\n' "$server" && pgrep -P "$server")
  kill -STOP "${stopped[@]}"
}

kill_it() { examples/stack/service kill postgres >/dev/null; }

# ask NAME SECONDS: all kinds of clients at once.
ask() {
  python3 tests/shows/lib/apart.py "$host" "$2" proxied=/api/commerce/products?limit=2 \
    "checked=/api/commerce/headers@$TOKEN_MEMBER" "data=$data@$TOKEN_PLATFORM_ADMIN" >"$folder/$1"
  sed 's/^/  /' "$folder/$1"
}

# of PHASE KIND WORD: a number of that line.
of() { awk -v kind="$2" -v word="$3" '$1 == kind { for (i = 2; i < NF; i += 2) if ($i == word) print $(i + 1) }' "$folder/$1"; }
at_most() { awk -v got="$1" -v most="$2" 'BEGIN { exit !(got <= most) }'; }
all_good() { [[ $(of "$1" "$2" good) == "$(of "$1" "$2" requests)" ]]; }
# is_as_fast KIND: half as much again and a few ms are this machine's noise.
is_as_fast() { at_most "$(of away "$1" p50)" "$(of before "$1" p50 | awk '{ print 1.5 * $1 + 2 }')"; }
serves() { [[ $(curl -s -o /dev/null -w '%{http_code}' -m 2 -H "Authorization: Bearer $TOKEN_PLATFORM_ADMIN" "$BASE$1") == 200 ]]; }

# run WORD COMMAND: one run of the whole.
run() {
  say "Postgres is well"
  ask before 5
  holds "everything is served" all_good before data
  "$2"
  say "Postgres is $1 for $away s"
  ask away "$away"
  holds "data of our own: nothing but 503 and no other failure" test "$(of away data unavailable) $(of away data failed)" == "$(of away data requests) 0"
  holds "and each within the acquire timeout of $acquire ms" at_most "$(of away data most)" "$((acquire + slack))"
  holds "half of them within 20 ms: once it is known nobody waits" at_most "$(of away data p50)" 20
  for kind in proxied checked; do
    holds "$kind: every request is served" all_good away "$kind"
    holds "$kind: as fast as before" is_as_fast "$kind"
  done
  holds "the instance stays ready" test "$(curl -s -o /dev/null -w '%{http_code}' "$METRICS/readyz")" == 200
  bring_back
  say "Postgres is back"
  holds "data of our own are served again within 5 s" within 5 serves "$data"
  holds "by the same process" test "$(cat .run/gateway.pid)" == "$gateway"
  ask after 3
  for kind in proxied checked data; do holds "$kind: every request is served" all_good after "$kind"; done
}

for data in /api/v1/tenants /api/v1/auth/sessions none; do
  [[ $data == none ]] || ! serves "$data" || break
done
[[ $data != none ]] || { say "no route of this gateway leads to data of its own"; exit 1; }
say "proxied: /api/commerce/products, checked: /api/commerce/headers with a token, data: $data"
run frozen freeze
run killed kill_it
verdict
