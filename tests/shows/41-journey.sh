#!/usr/bin/env bash
# A day at the shop through the port of the stack: log in, a product with a picture, an order followed until it is
# delivered, pages and filters, log out. tests/accounts/journey.rs does the same with two people and looks behind it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"
source .run/env

say "through $BASE"
holds "every step goes as it should" python3 tests/shows/lib/journey.py "$BASE"
verdict
