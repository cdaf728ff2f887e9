#!/usr/bin/env bash
# stack: none
# Two gateways share one limit through Redis; 50 clients ask three times as often as they may, for 10 s: what is
# admitted is the rate times the time, and the burst, within 2 %. Redis is killed midway: no client gets a 5xx, and the
# total stays under the limit and what the instances admit by themselves. Redis comes back: exact again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

clients=50 rate=200 burst=100 time=10
need redis-server redis-server
own_stage olympus
redis_port=$(free_port)

configuration() {
  cat <<TOML
version = 1
server = { threads = 1, drain = { delay = "0s" } }
listeners.public.address = "127.0.0.1:$1"
admin = { metrics_listen = "127.0.0.1:$2" }
[redis]
urls = ["redis://127.0.0.1:$redis_port"]
[limits.default]
key = ["ip"]
rate = "$rate/s"
burst = $burst
[routes.limited]
path = "/livez"
local = "health"
auth = "none"
limits = ["default"]
TOML
}

start_redis() {
  setpriv --pdeathsig KILL redis-server --bind 127.0.0.1 --port "$redis_port" --save '' --appendonly no \
    --dir "$folder" >>"$folder/redis.log" 2>&1 &
  redis=$!
  pids+=("$redis")
}

metric() { curl -s "http://127.0.0.1:$1/metrics" | awk -v series="$2" '$1 == series { print $2 }'; }
redis_is() { [[ $(metric "${metrics[0]}" olympus_redis_up) == "$1" && $(metric "${metrics[1]}" olympus_redis_up) == "$1" ]]; }
count() { awk -v name="$1" '$1 == name { print $2 }' "$folder/clients"; }

# ask: the clients at work; says what came of it.
ask() {
  python3 tests/shows/lib/limited.py "$clients" $((3 * rate)) "$time" "${addresses[@]}" >"$folder/clients"
  say "  $(tr '\n' ' ' <"$folder/clients")"
}

# due: what may be admitted within the time it took.
due() { awk -v rate="$rate" -v burst="$burst" '$1 == "seconds" { printf "%d", rate * $2 + burst }' "$folder/clients"; }
is_exact() {
  awk -v got="$(count admitted)" -v due="$(due)" \
    'BEGIN { off = 100 * (got - due) / due; printf "  %d admitted, %d due: %+.2f %%\n", got, due, off; exit !(off <= 2 && off >= -2) }'
}
is_most() {
  awk -v got="$(count admitted)" -v most="$1" 'BEGIN { printf "  %d admitted, at most %d\n", got, most; exit !(got <= most) }'
}

start_redis
addresses=() metrics=()
for number in 1 2; do
  port=$(free_port) metric_port=$(free_port)
  addresses+=("127.0.0.1:$port")
  metrics+=("$metric_port")
  configuration "$port" "$metric_port" >"$folder/gateway-$number.toml"
  "$bin/olympus" run -c "$folder/gateway-$number.toml" >"$folder/access-$number.log" 2>"$folder/gateway-$number.log" &
  pids+=($!)
done
holds "both gateways are connected to Redis" within 20 redis_is 1
sleep 3 # they learn of each other within a second; then share the rate when Redis is away

say "two instances, $clients clients at three times $rate/s with a burst of $burst, for $time s"
ask
holds "admitted within 2 % of rate × time + burst" is_exact
holds "nobody got an error" test "$(count failed) $(count other)" == "0 0"

sleep 1 # the burst is there again
say "Redis is killed after half of the time"
(sleep $((time / 2)) && kill -KILL "$redis") &
ask
holds "nobody got an error" test "$(count failed) $(count other)" == "0 0"
holds "the total stays under the limit and the share of each instance" is_most "$(($(due) + burst))"
holds "both gateways know that Redis is away" redis_is 0

start_redis
holds "both gateways find Redis again by themselves" within 10 redis_is 1
sleep 1 # the burst is there again
say "Redis is back"
ask
holds "admitted within 2 % of rate × time + burst again" is_exact
holds "nobody got an error" test "$(count failed) $(count other)" == "0 0"
say "  calls of Redis refused by what was known: $(metric "${metrics[0]}" 'olympus_limit_decisions_total{limit="default",outcome="refused",tier="known"}') and $(metric "${metrics[1]}" 'olympus_limit_decisions_total{limit="default",outcome="refused",tier="known"}')"
verdict
