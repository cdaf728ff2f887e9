#!/usr/bin/env bash
# stack: none
# Under load a new process takes the listeners over (SIGQUIT), then that one drains (SIGTERM): no request fails, a request
# of three seconds that is under way completes each time, and each process ends when it is idle.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

own_stage olympus commerce
port=$(free_port) metrics=$(free_port) backend=$(free_port) elsewhere=$(free_port) elsewhere_metrics=$(free_port)

# config FILE PORT METRICS: a gateway before the one backend.
config() {
  cat >"$1" <<TOML
version = 1
[server]
upgrade_socket = "$folder/upgrade.sock"
drain = { delay = "3s", timeout = "30s" }
[listeners.public]
address = "127.0.0.1:$2"
[admin]
metrics_listen = "127.0.0.1:$3"
[upstreams.commerce]
endpoints = [{ address = "127.0.0.1:$backend" }]
try_timeout = "6s"
retry = { max_retries = 0 }
[routes.commerce]
path = "/api/commerce/{*rest}"
strip_prefix = "/api/commerce"
upstream = "commerce"
auth = "none"
TOML
}

# gateway FILE ARGUMENT...: starts one; its process id is in `started`.
gateway() {
  local file=$1
  shift
  "$bin/olympus" run -c "$file" "$@" >>"$folder/access.log" 2>>"$folder/gateway.log" &
  started=$!
  pids+=("$started")
}

ready() { curl -sf "http://127.0.0.1:$1/readyz" >/dev/null; }
waits() { grep -q "$folder/upgrade.sock" /proc/net/unix; }
# slow FILE: a request of three seconds in the background, its status goes to the file.
slow() {
  curl -s -o /dev/null -w '%{http_code}' -H 'x-fault: delay=3s' \
    "http://127.0.0.1:$port/api/commerce/products/p-0001" >"$1" &
  slow=$!
}
# ended PID SECONDS: it ends by itself within that time.
ended() { within "$2" bash -c "! kill -0 $1"; }

config "$folder/gateway.toml" "$port" "$metrics"
config "$folder/elsewhere.toml" "$elsewhere" "$elsewhere_metrics"
"$bin/examples/commerce" --listen "127.0.0.1:$backend" --name commerce-1 >"$folder/commerce.log" 2>&1 &
pids+=($!)
gateway "$folder/gateway.toml"
old=$started
gateway "$folder/elsewhere.toml"
within 10 ready "$metrics" && within 10 ready "$elsewhere_metrics"

say "Upgrade: SIGQUIT to a process with a successor, 16 clients, 14 s"
python3 tests/shows/lib/polite.py 14 16 "127.0.0.1:$port=127.0.0.1:$metrics" >"$folder/upgrade.txt" &
load=$!
sleep 1
gateway "$folder/gateway.toml" --upgrade
new=$started
within 6 waits
slow "$folder/slow.txt"
sleep 0.5
began=$SECONDS
kill -QUIT "$old"
holds "the old process ends by itself, long before the 30 s of its drain" ended "$old" 12
say "          after $((SECONDS - began)) s"
wait "$slow" || true
holds "a request of three seconds completes: $(cat "$folder/slow.txt")" grep -q 200 "$folder/slow.txt"
holds "no request fails" wait "$load"
cat "$folder/upgrade.txt"
holds "the new process is ready" ready "$metrics"

say "Drain: SIGTERM to it, beside another instance, 10 s"
python3 tests/shows/lib/polite.py 10 16 \
  "127.0.0.1:$port=127.0.0.1:$metrics" "127.0.0.1:$elsewhere=127.0.0.1:$elsewhere_metrics" >"$folder/drain.txt" &
load=$!
sleep 1
slow "$folder/slow.txt"
sleep 0.5
began=$SECONDS
kill -TERM "$new"
holds "the process ends by itself, long before the 30 s of its drain" ended "$new" 10
say "          after $((SECONDS - began)) s"
wait "$slow" || true
holds "a request of three seconds completes: $(cat "$folder/slow.txt")" grep -q 200 "$folder/slow.txt"
holds "no request fails" wait "$load"
cat "$folder/drain.txt"
verdict
