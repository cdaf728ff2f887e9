#!/usr/bin/env bash
# stack: none
# 50 reloads under load, every other one of a broken file, asked for by a signal, by a changed file and by the admin
# API in turn: no request fails and no WebSocket session is dropped on routes that stay.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

reloads=50 connections=16 sessions=100
own_stage olympus commerce
port=$(free_port) admin=$(free_port) metrics=$(free_port) one=$(free_port) two=$(free_port) three=$(free_port)

# configuration NUMBER: each differs from the one before in another thing. Pools are built anew for other weights,
# balancers, checks or endpoints; a route comes and goes, or changes; so do headers of all answers.
kinds=8 balances=(wrr hash:ip random)
configuration() {
  local weight=1 balance=peak_ewma interval=500ms body=1 endpoint='' csp="default-src 'none'"
  case $(($1 % kinds)) in
    0) weight=$((2 + $1 % 5)) ;;
    1) balance=${balances[$1 % ${#balances[@]}]} ;;
    2) interval="$((300 + $1))ms" ;;
    3) endpoint=", { address = \"127.0.0.1:$three\" }" ;;
    5) body=$((1 + $1)) ;;
    6) csp="default-src 'self'; report-uri /$1" ;;
  esac
  cat <<TOML
version = 1
server = { threads = 1, drain = { delay = "0s" } }
listeners.public.address = "127.0.0.1:$port"
headers.csp = "$csp"
[admin]
listen = "127.0.0.1:$admin"
token = "the token of this show"
metrics_listen = "127.0.0.1:$metrics"
[defaults.route]
auth = "none"
[upstreams.stays]
endpoints = [{ address = "127.0.0.1:$one" }, { address = "127.0.0.1:$two" }]
health = { path = "/healthz" }
[routes.stays]
path = "/stays/{*rest}"
strip_prefix = "/stays"
upstream = "stays"
[upstreams.rebuilt]
endpoints = [{ address = "127.0.0.1:$one", weight = $weight }, { address = "127.0.0.1:$two" }$endpoint]
balance = "$balance"
health = { path = "/healthz", interval = "$interval", timeout = "200ms" }
[routes.rebuilt]
path = "/rebuilt/{*rest}"
strip_prefix = "/rebuilt"
upstream = "rebuilt"
max_body = "${body}mb"
TOML
  [[ $(($1 % kinds)) != 4 ]] || printf '[routes.more]\npath = "/more%s/{*rest}"\nstrip_prefix = "/more%s"\nupstream = "stays"\n' "$1" "$1"
}

# Files that must not come into force, each broken in another way.
broken() {
  case $(($1 % 5)) in
    0) configuration "$1" | head -c 700 ;;
    1) configuration "$1" | sed 's/^upstream = "rebuilt"/upstream = "rebuild"/' ;;
    2) configuration "$1" | sed 's/^balance = /balanse = /' ;;
    3) configuration "$1" | sed 's/weight = [0-9]*/weight = 1001/' ;;
    4) : ;;
  esac
}

metric() { curl -s "http://127.0.0.1:$metrics/metrics" | awk -v series="$1" '$1 == series { print $2; found = 1 } END { if (!found) print 0 }'; }
counted() { [[ $(metric "olympus_config_reloads_total{result=\"$1\"}") == "$2" ]]; }
serves() { [[ $(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/$1/products?limit=1") == "$2" ]]; }
client_says() { grep -q "^$1" "$folder/client"; }

# reload RESULT STATUS: asks for what is in $folder/next, in another way each time; whether it came to that result.
reload() {
  local before answer
  before=$(metric "olympus_config_reloads_total{result=\"$1\"}")
  mv "$folder/next" "$folder/gateway.toml"
  case $((number % 3)) in
    0) kill -HUP "$gateway" ;;
    1) : ;; # it is noticed
    2)
      answer=$(curl -s -o "$folder/answer" -w '%{http_code}' -X POST -H 'Authorization: Bearer the token of this show' "http://127.0.0.1:$admin/reload")
      [[ $answer == "$2" ]] || { say "  the admin API answered $answer: $(cat "$folder/answer")"; return 1; }
      ;;
  esac
  within 10 counted "$1" $((before + 1)) || { say "  reload $number did not end in $1"; return 1; }
  [[ $(metric olympus_config_last_reload_success) == "$([[ $1 == success ]] && say 1 || say 0)" ]] ||
    { say "  olympus_config_last_reload_success does not follow reload $number"; return 1; }
}

# all_reloads: good and broken files in turn.
all_reloads() {
  local number gone=''
  for ((number = 1; number <= reloads; number++)); do
    if ((number % 2)); then
      broken "$number" >"$folder/next"
      reload failure 400 || return 1
    else
      configuration $((number / 2)) >"$folder/next"
      reload success 200 || return 1
      [[ -z $gone ]] || serves "$gone" 404 || { say "  /$gone is still served"; return 1; }
      gone=''
      (((number / 2) % kinds != 4)) || gone=more$((number / 2))
      [[ -z $gone ]] || serves "$gone" 200 || { say "  /$gone is not served"; return 1; }
    fi
  done
}

for address in "$one" "$two" "$three"; do
  "$bin/examples/commerce" --listen "127.0.0.1:$address" --name "commerce-$address" >"$folder/commerce.log" 2>&1 &
  pids+=($!)
done
configuration 7 >"$folder/gateway.toml"
"$bin/olympus" run -c "$folder/gateway.toml" >"$folder/access.log" 2>"$folder/gateway.log" &
gateway=$!
pids+=("$gateway")
within 20 curl -sf "http://127.0.0.1:$metrics/readyz" -o /dev/null
within 10 serves rebuilt 200

mkfifo "$folder/stop"
python3 tests/shows/lib/steady.py "127.0.0.1:$port" "$connections" "$sessions" /stays/ws \
  '/stays/products?limit=1' '/rebuilt/products?limit=1' <"$folder/stop" >"$folder/client" &
client=$!
pids+=("$client")
exec {stop}>"$folder/stop"
holds "$connections connections and $sessions WebSocket sessions are at work" within 30 client_says ready
memory=$(rss "$gateway") began=$SECONDS
holds "$reloads reloads, half of them of broken files, end as they should" all_reloads
say "  reloads $((SECONDS - began)) s, memory $memory kB before and $(rss "$gateway") kB after"
exec {stop}>&-
wait "$client" || true
cat "$folder/client"
holds "$((reloads / 2)) reloads succeeded" counted success $((reloads / 2))
holds "$((reloads / 2)) reloads failed" counted failure $((reloads / 2))
holds "requests were made all the time" test "$(awk '/^requests / { print $2 }' "$folder/client")" -gt $((100 * reloads))
holds "no request failed" client_says 'failed 0$'
holds "every session echoed" test "$(awk '/^echoes / { print $2 }' "$folder/client")" -gt $((sessions * reloads / 10))
holds "no WebSocket session was dropped" client_says 'dropped 0$'
holds "the gateway is the one that was started" kill -0 "$gateway"
verdict
