#!/usr/bin/env bash
# stack: none
# Three of four endpoints go bad at once: after 10 s at least 99 % of GETs succeed. Then all are bad: 503 with
# `Retry-After` within 5 ms. How it is set up stands in lib/faults/most_bad.py.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

profile=${OLYMPUS_PROFILE:-release}
cargo build --quiet --locked --profile "$profile" --bin olympus --example commerce
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/shows/lib/faults/most_bad.py "${CARGO_TARGET_DIR:-target}/$profile"
