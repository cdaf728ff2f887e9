#!/usr/bin/env bash
# Steady GETs over three endpoints. One is killed with -9, then another: no client sees an error. Both come back:
# traffic returns to them without a restart of the gateway.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"
source .run/env
need wrk wrk

service=examples/stack/service
url="$BASE/api/commerce/products?limit=1"
log=$(mktemp)
restore() {
  rm -f "$log"
  for name in commerce-1 commerce-2; do "$service" status "$name" >/dev/null 2>&1 || "$service" start "$name"; done
}
trap restore EXIT

answered() {
  curl -s -H "Authorization: Bearer $ADMIN_TOKEN" "$ADMIN/upstreams" |
    python3 -c 'import json, sys; print([e["answered"] for e in json.load(sys.stdin)["commerce"]["endpoints"]]['"$1"'])'
}
is_unhealthy() {
  curl -s -H "Authorization: Bearer $ADMIN_TOKEN" "$ADMIN/upstreams" |
    python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["commerce"]["endpoints"]['"$1"']["state"] != "unhealthy")'
}
gets_traffic() {
  local before
  before=$(answered "$1")
  within 15 test "$(answered "$1")" -ge 0 && within 15 more_than "$1" "$before"
}
more_than() { (($(answered "$1") > $2 + 50)); }

wrk -t1 -c16 -d45s "$url" >"$log" &
load=$!
sleep 3
"$service" kill commerce-1
holds "the checks notice the first" within 20 is_unhealthy 0
"$service" kill commerce-2
holds "the checks notice the second" within 20 is_unhealthy 1
holds "the third serves alone" gets_traffic 2
"$service" start commerce-1
"$service" start commerce-2
holds "traffic returns to the first" gets_traffic 0
holds "traffic returns to the second" gets_traffic 1
wait "$load"
cat "$log"
holds "no client saw an error" bash -c '! grep -E "Non-2xx|Socket errors" "$1"' _ "$log"
verdict
