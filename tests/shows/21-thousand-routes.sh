#!/usr/bin/env bash
# stack: none
# At 1000 routes and 1000 endpoints, all of them checked: it serves in less than 60 MB of memory, a route is found within 1 µs,
# `olympus check` takes less than 50 ms and a reload less than 100 ms, and no request is lost.
#
# While it reloads, 16 connections ask 1000 times a second in all. A client that asks as fast as it can takes both cores
# of a small machine together with the gateway and the backend; how long a reload takes then says how the scheduler
# shares them out, and not what the reload costs.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

most_memory=61440 most_check=50 most_reload=100 most_match=1000 # kB, ms, ms, ns
rate=1000 # requests per second
own_stage olympus commerce
cargo bench --quiet --locked --bench route_match --no-run
port=$(free_port) admin=$(free_port) metrics=$(free_port) backend=$(free_port)

is_below() { awk -v value="$1" -v most="$2" 'BEGIN { exit !(value < most) }'; }
counted() { [[ $(curl -s "http://127.0.0.1:$metrics/metrics" | grep -c "^$1") == "$2" ]]; }
client_says() { grep -q "^$1" "$folder/client"; }

python3 tests/shows/lib/thousand.py "$folder" "$port" "$metrics" "$admin" "$backend"
holds "the configuration has 1000 routes" test "$(cat "$folder"/teams/* | grep -c '^\[routes\.')" == 1000
holds "the configuration has 1000 endpoints" test "$(cat "$folder"/teams/* | grep -o 'address = ' | wc -l)" == 1000

read -r wall cpu best < <(python3 tests/shows/lib/median.py "$bin/olympus" check -c "$folder/gateway.toml")
say "  check   $wall ms, $cpu ms of CPU (medians of 10), at best $best ms"
holds "olympus check takes less than $most_check ms of CPU" is_below "$cpu" "$most_check"
holds "olympus check takes less than $most_check ms (at best of 10: others use this machine)" is_below "$best" "$most_check"

# matches: the slowest of the benchmark's cases at 1000 routes, in ns.
matches() {
  cargo bench --quiet --locked --bench route_match -- --noplot '/1000$' 2>/dev/null | tee "$folder/bench" >/dev/null
  awk '/time:/ { factor = $(NF - 2) == "ps" ? 0.001 : $(NF - 2) == "ns" ? 1 : 1000; value = $(NF - 3) * factor
                 if (value > slowest) slowest = value } END { print slowest ? slowest : "none" }' "$folder/bench"
}
slowest=$(matches)
awk '/time:/ { print "  " $0 }' "$folder/bench"
holds "a route of 1000 is found or missed within 1 µs: $slowest ns in the slowest case" is_below "$slowest" "$most_match"

"$bin/examples/commerce" --listen "0.0.0.0:$backend" --name commerce >"$folder/commerce.log" 2>&1 &
pids+=($!)
"$bin/olympus" run -c "$folder/gateway.toml" >"$folder/access.log" 2>"$folder/gateway.log" &
gateway=$!
pids+=("$gateway")
within 20 curl -sf "http://127.0.0.1:$metrics/readyz" -o /dev/null
holds "it shows 1000 endpoints" counted 'olympus_upstream_endpoint_healthy{.*} 1$' 1000

# Every seventh route, so that all kinds of routes and most pools are asked.
paths=()
for number in {0..999..7}; do
  case $((number % 4)) in
    0) paths+=("/api/service$number/headers") ;;
    1) paths+=("/api/service$number/bytes/100") ;;
    2) paths+=("/api/service$number/healthz") ;;
    3) paths+=("/v1/service$number/headers") ;;
  esac
done
mkfifo "$folder/stop"
python3 tests/shows/lib/steady.py "127.0.0.1:$port" "16@$rate" 0 none "${paths[@]}" <"$folder/stop" >"$folder/client" &
client=$!
pids+=("$client")
exec {stop}>"$folder/stop"
within 20 client_says ready

# reload EDIT FILE: edits a file of the configuration with sed and asks for a reload; the time it took in ms.
reload() {
  sed -i "$1" "$folder/$2"
  curl -s -o "$folder/answer" -w '%{http_code} %{time_total}\n' -X POST \
    -H 'Authorization: Bearer the token of this show' "http://127.0.0.1:$admin/reload" |
    awk '$1 == 200 { print $2 * 1000; done = 1 } END { if (!done) print "refused" }'
}

sleep 3
served=$(rss "$gateway")
# Ten times a key of one route, and ten times one of the defaults, for which all hundred pools are built anew.
highest=$(rss "$gateway")
for turn in {1..10}; do
  reload "s/^\\[routes.route301\\]\$/&\nmax_body = \"$((turn + 1))mb\"/; /^max_body = \"${turn}mb\"/d" teams/team3.toml >>"$folder/one"
  grep -q '"max_body\|routes.route301.max_body' "$folder/answer" || say "  nothing changed: $(head -c 300 "$folder/answer")"
  sleep 0.5
  now=$(rss "$gateway")
  ((now <= highest)) || highest=$now
done
for turn in {1..10}; do
  reload "/^unhealthy_after/d; s|^path = \"/healthz\"|&\nunhealthy_after = $((turn + 3))|" gateway.toml >>"$folder/all"
  [[ $(grep -o '"effect":"rebuild"' "$folder/answer" | wc -l) == 100 ]] || say "  not all changed: $(head -c 300 "$folder/answer")"
  sleep 0.5
  now=$(rss "$gateway")
  ((now <= highest)) || highest=$now
done
exec {stop}>&-
wait "$client" || true
cat "$folder/client"

# spread FILE: the median and the highest of its numbers.
spread() { sort -n "$1" | awk '{ all[NR] = $1 } END { printf "%.0f %.0f\n", (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2, all[NR] }'; }
read -r one one_most < <(spread "$folder/one")
read -r all all_most < <(spread "$folder/all")
say "  reload  $one ms where a route changes (at most $one_most), $all ms where all pools do (at most $all_most), of 10 each"
say "  memory  $served kB while it serves, at most $highest kB while it reloads"
holds "a reload takes less than $most_reload ms where a route changes" is_below "$one" "$most_reload"
holds "a reload takes less than $most_reload ms where all pools change" is_below "$all" "$most_reload"
holds "20 reloads succeeded" counted 'olympus_config_reloads_total{result="success"} 20$' 1
holds "no reload failed" counted 'olympus_config_reloads_total{result="failure"} [1-9]' 0
holds "requests were made all the time" test "$(awk '/^requests / { print $2 }' "$folder/client")" -gt $((rate * 10))
holds "no request was lost" client_says 'failed 0$'
holds "memory is under 60 MB while it serves" is_below "$served" "$most_memory"
verdict
