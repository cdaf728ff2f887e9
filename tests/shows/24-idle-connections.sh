#!/usr/bin/env bash
# stack: none
# 9000 clients ask once and keep their connections: each costs the gateway less than 24 kB, and is answered again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

clients=9000 most=24
own_stage olympus commerce
port=$(free_port) metrics=$(free_port) backend=$(free_port)

cat >"$folder/gateway.toml" <<TOML
version = 1
[server]
drain = { delay = "0s" }
[listeners.public]
address = "127.0.0.1:$port"
max_connections_per_ip = 10000
[admin]
metrics_listen = "127.0.0.1:$metrics"
[upstreams.commerce]
endpoints = [{ address = "127.0.0.1:$backend" }]
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

open() { curl -s "http://127.0.0.1:$metrics/metrics" | awk '/^olympus_connections_open\{listener="public"\}/ { print $2 }'; }
all_are_open() { (($(open) == clients)); }
nobody_is_left() { (($(open) == 0)); }

before=$(rss "$gateway")
coproc client { python3 tests/shows/lib/kept.py 127.0.0.1 "$port" /api/healthz "$clients"; }
pids+=("$client_PID")
read -r -t 60 -u "${client[0]}" said
holds "$said connections" within 1 all_are_open
each=$((($(rss "$gateway") - before) / clients))
say "  memory  $before kB before, $(rss "$gateway") kB after, $each kB for each"
holds "an idle connection costs less than $most kB" test "$each" -lt "$most"
echo >&"${client[1]}"
read -r -t 60 -u "${client[0]}" said
holds "$said" test "$said" = "asked again $clients"
holds "nobody is left" within 10 nobody_is_left
verdict
