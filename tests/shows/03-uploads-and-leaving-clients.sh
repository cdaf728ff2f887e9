#!/usr/bin/env bash
# stack: none
# A 200 MB upload to a local route that reads it slowly, and to a proxied one, keeps the gateway's memory flat.
# A client that leaves cancels the local handler and the request to the backend.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

own_stage embedded commerce
port=$(free_port) metrics=$(free_port) backend=$(free_port)

cat >"$folder/gateway.toml" <<TOML
version = 1
server.drain.delay = "0s"
listeners.public.address = "127.0.0.1:$port"
admin.metrics_listen = "127.0.0.1:$metrics"
[upstreams.commerce]
endpoints = [{ address = "127.0.0.1:$backend" }]
[defaults.route]
auth = "none"
max_body = "1gb"
[routes.local]
path = "/api/v1/{*rest}"
local = "status"
[routes.commerce]
path = "/api/commerce/{*rest}"
strip_prefix = "/api/commerce"
upstream = "commerce"
response_timeout = "60s"
[upstreams.commerce.retry]
max_retries = 0
TOML
sed -i '/^endpoints/a try_timeout = "60s"' "$folder/gateway.toml"

"$bin/examples/commerce" --listen "127.0.0.1:$backend" --name commerce-1 >"$folder/commerce.log" 2>&1 &
pids+=($!)
"$bin/examples/embedded" "$folder/gateway.toml" >"$folder/access.log" 2>"$folder/gateway.log" &
gateway=$!
pids+=("$gateway")
within 10 curl -sf "http://127.0.0.1:$metrics/readyz" -o /dev/null
base=http://127.0.0.1:$port

# upload PATH: sends 200 MB; the highest memory the gateway had meanwhile goes to $folder/peak.
upload() {
  local peak=0 now
  head -c 200M /dev/zero | curl -s -T - -X POST -H 'Expect:' "$base$1" -o "$folder/answer" &
  local client=$!
  while kill -0 "$client" 2>/dev/null; do
    now=$(rss "$gateway")
    ((now > peak)) && peak=$now
    sleep 0.05
  done
  wait "$client"
  say "$peak" >"$folder/peak"
}
is_flat() {
  local grown=$(($(cat "$folder/peak") - $1))
  say "  memory  $1 kB before, at most $(cat "$folder/peak") kB during the upload: $grown kB more"
  ((grown < 10240))
}
busy() { [[ $(curl -s "$base/api/v1/busy") == "$1" ]]; }
asked() { [[ $(curl -s "http://127.0.0.1:$metrics/metrics" | awk '/^http_server_active_requests / { print $2 }') == "$1" ]]; }
backend_sees() { [[ $(ss -Htn state established "( sport = :$backend )" | wc -l) == "$1" ]]; }

curl -s "$base/api/v1/busy" -o /dev/null
curl -s "$base/api/commerce/healthz" -o /dev/null
before=$(rss "$gateway")
upload /api/v1/slow
holds "the slow local handler read all of it" grep -qx 209715200 "$folder/answer"
holds "memory stays flat while it reads slowly" is_flat "$before"
upload /api/commerce/count
holds "the backend read all of it" grep -q 209715200 "$folder/answer"
holds "memory stays flat while it is proxied" is_flat "$before"

curl -s "$base/api/v1/hang" -o /dev/null &
client=$!
holds "a handler is at work" within 5 busy 1
kill -9 "$client"
holds "its client leaves and it is dropped" within 5 busy 0

idle=$(ss -Htn state established "( sport = :$backend )" | wc -l)
curl -s -H 'x-fault: hang' "$base/api/commerce/products" -o /dev/null &
client=$!
holds "a backend is at work" within 5 asked 1
kill -9 "$client"
holds "its client leaves and the request to it is cancelled" within 5 asked 0
holds "the backend's connection is closed" within 5 backend_sees "$((idle - 1))"
holds "the access log says that the client left" within 5 grep -q '"flag":"DC"' "$folder/access.log"
verdict
