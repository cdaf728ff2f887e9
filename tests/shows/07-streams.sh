#!/usr/bin/env bash
# stack: none
# 500 idle WebSocket sessions pass through the gateway for 150 s. Meanwhile uploads and downloads of 1 GB stream
# through it, over HTTP/1.1 and HTTP/2: its memory grows by less than 10 MB, and every session still echoes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

sessions=500 idle=150 gigabyte=$((1 << 30)) most_growth=10240 # kB
own_stage olympus commerce
port=$(free_port) metrics=$(free_port) backend=$(free_port)

cat >"$folder/gateway.toml" <<TOML
version = 1
server.drain.delay = "0s"
listeners.public.address = "127.0.0.1:$port"
admin.metrics_listen = "127.0.0.1:$metrics"
upstreams.commerce.endpoints = [{ address = "127.0.0.1:$backend" }]
[routes.commerce]
path = "/api/commerce/{*rest}"
strip_prefix = "/api/commerce"
upstream = "commerce"
auth = "none"
max_body = "1gb"
TOML

ulimit -n 4096 # each session is two sockets of the gateway
"$bin/examples/commerce" --listen "127.0.0.1:$backend" --name commerce-1 >"$folder/commerce.log" 2>&1 &
pids+=($!)
"$bin/olympus" run -c "$folder/gateway.toml" >"$folder/access.log" 2>"$folder/gateway.log" &
gateway=$!
pids+=("$gateway")
within 10 curl -sf "http://127.0.0.1:$metrics/readyz" -o /dev/null
base=http://127.0.0.1:$port/api/commerce

# client_says WORDS: whether the client of the sessions said it.
client_says() { grep -qx "$1" "$folder/sessions"; }

download() { [[ $(curl -s "$1" "$base/bytes/$gigabyte$2" -o /dev/null -w '%{http_code} %{size_download}') == "200 $gigabyte" ]]; }
upload() { [[ $(head -c "$gigabyte" /dev/zero | curl -s "$1" -T - -X POST -H 'Expect:' "$base/count") == "{\"bytes\":$gigabyte}" ]]; }

# streams TITLE COMMAND...: whether the transfer is complete; says the highest memory the gateway had meanwhile.
streams() {
  local title=$1 peak=0 now status=0 began=$EPOCHREALTIME
  shift
  "$@" &
  local transfer=$!
  while kill -0 "$transfer" 2>/dev/null; do
    now=$(rss "$gateway")
    ((now <= peak)) || peak=$now
    sleep 0.1
  done
  wait "$transfer" || status=$?
  ((peak <= highest)) || highest=$peak
  say "  memory  at most $peak kB during the $title: $((peak - before)) kB more ($(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s)"
  return "$status"
}
is_flat() { ((highest - before < most_growth)); }
both_at_once() {
  local status=0 other
  upload --http1.1 &
  other=$!
  download --http1.1 '?chunked=true' || status=1
  wait "$other" || status=1
  return "$status"
}

empty=$(rss "$gateway")
mkfifo "$folder/told"
python3 tests/shows/lib/sockets.py "$base/ws" "$sessions" <"$folder/told" >"$folder/sessions" &
pids+=($!)
exec {told}>"$folder/told"
holds "$sessions WebSocket sessions are open" within 30 client_says "open $sessions"
opened=$SECONDS
before=$(rss "$gateway") highest=0
say "  memory  $empty kB with no session, $before kB with $sessions: $(((before - empty) / sessions)) kB each"

holds "1 GB goes up" streams "upload" upload --http1.1
holds "1 GB comes down" streams "download" download --http1.1 ''
holds "1 GB goes up while 1 GB comes down in chunks" streams "two at once" both_at_once
holds "1 GB goes up over HTTP/2" streams "upload over HTTP/2" upload --http2-prior-knowledge
holds "1 GB comes down over HTTP/2" streams "download over HTTP/2" download --http2-prior-knowledge ''
holds "memory grew by $((highest - before)) kB at most, less than $most_growth" is_flat

left=$((opened + idle - SECONDS))
((left <= 0)) || sleep "$left"
say "  idle    $((SECONDS - opened)) s"
say go >&"$told"
holds "every one of $sessions sessions echoes a message" within 60 client_says "echoed $sessions"
verdict
