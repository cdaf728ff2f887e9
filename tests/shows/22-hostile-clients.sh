#!/usr/bin/env bash
# stack: none
# Clients that drip heads and bodies, say nothing, send bombs of headers, or flood by HTTP/2 frames: one that behaves
# keeps its p99 within twice what it was, the refusals are counted, and memory returns to where it was.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

own_stage olympus commerce
port=$(free_port) metrics=$(free_port) backend=$(free_port)

cat >"$folder/gateway.toml" <<TOML
version = 1
[server]
drain = { delay = "0s" }
timeouts = { header = "3s", idle = "5s", body_idle = "5s" }
[listeners.public]
address = "127.0.0.1:$port"
[admin]
metrics_listen = "127.0.0.1:$metrics"
[upstreams.commerce]
endpoints = [{ address = "127.0.0.1:$backend" }]
max_concurrency = 4096
[routes.commerce]
path = "/api/{*rest}"
strip_prefix = "/api"
upstream = "commerce"
auth = "none"
TOML

"$bin/examples/commerce" --listen "127.0.0.1:$backend" --name commerce-1 >"$folder/commerce.log" 2>&1 &
pids+=($!)
"$bin/olympus" run -c "$folder/gateway.toml" >"$folder/access.log" 2>"$folder/gateway.log" &
gateway=$!
pids+=("$gateway")
within 10 curl -sf "http://127.0.0.1:$metrics/readyz" -o /dev/null

client() { python3 tests/shows/lib/hostile.py "$1" 127.0.0.1 "$port" "${@:2}"; }
# of NAME FILE: a number of the measurements that the polite client wrote.
of() { python3 -c 'import json, sys; print(json.load(open(sys.argv[2]))[sys.argv[1]])' "$1" "$2"; }
refused() { curl -s "http://127.0.0.1:$metrics/metrics" | awk -v cause="cause=\"$1\"" '/^olympus_connections_refused_total/ && index($0, cause) { n += $2 } END { print n + 0 }'; }
open() { curl -s "http://127.0.0.1:$metrics/metrics" | awk '/^olympus_connections_open\{listener="public"\}/ { print $2 }'; }
nobody_is_left() { (($(open) == 0)); }
was_refused() { (($(refused "$1") > 0)); }

# Twice the undisturbed p99; below 10 ms the scheduler of a busy machine says more than the gateway.
keeps_up() {
  local limit
  limit=$(python3 -c 'import sys; print(max(10.0, 2 * float(sys.argv[1])))' "$calm")
  say "  polite  p50 $(of p50 "$1") ms, p99 $(of p99 "$1") ms of at most $limit, $(of errors "$1") errors of $(of requests "$1")"
  python3 -c 'import sys; sys.exit(float(sys.argv[1]) > float(sys.argv[2]))' "$(of p99 "$1")" "$limit" && (($(of errors "$1") == 0))
}

# attack NAME CAUSE: the polite client asks while it runs.
attack() {
  nice -n 19 python3 tests/shows/lib/hostile.py "$1" 127.0.0.1 "$port" 8 1000 >"$folder/cut" &
  local attacker=$!
  pids+=("$attacker")
  sleep 1
  client polite 6 >"$folder/polite"
  wait "$attacker" || true
  holds "$1: a client that behaves keeps its p99" keeps_up "$folder/polite"
  [[ -z $2 ]] || holds "$1: refused and counted as $2" was_refused "$2"
  holds "$1: nobody is left" within 20 nobody_is_left
  say "  memory  $(rss "$gateway") kB after $1"
}

# The allocator keeps what crowds of this size needed, in pages that hold something else too. That is not a leak: the
# next crowds must not add to it.
for crowd in slow-bodies slow-heads slow-bodies silent; do
  nice -n 19 python3 tests/shows/lib/hostile.py "$crowd" 127.0.0.1 "$port" 6 1000 >/dev/null
  within 20 nobody_is_left
done
client polite 8 >"$folder/polite"
calm=$(of p99 "$folder/polite")
before=$(rss "$gateway")
say "  calm    p99 $calm ms, $before kB"

attack slow-heads header_timeout
attack slow-bodies ""
attack silent header_timeout
attack header-bombs header_bytes
attack rapid-reset h2_excess
attack continuation h2_continuation_flood
attack settings h2_settings_flood
attack ping h2_ping_flood

returns() { (($(rss "$gateway") < before + 16384)); }
holds "memory returns to where it was" within 10 returns
verdict
