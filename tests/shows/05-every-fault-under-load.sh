#!/usr/bin/env bash
# stack: none
# kill -9, hang, reset, 503, 500 for a third, 500 ms more, truncated bodies: what clients see of each, for `wrr` and
# `peak_ewma`, with and without retries. How it is set up stands in lib/faults/matrix.py.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

profile=${OLYMPUS_PROFILE:-release}
cargo build --quiet --locked --profile "$profile" --bin olympus --example commerce
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/shows/lib/faults/matrix.py "${CARGO_TARGET_DIR:-target}/$profile"
