#!/usr/bin/env bash
# stack: none
# `olympus check` on a file with ten different mistakes names all ten with their places and, where there is one,
# the intended word; it ends with 1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

file=tests/fixtures/mistakes.toml
output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
cargo run --quiet --locked --bin olympus -- check -c "$file" >"$output" 2>&1 || status=$?
cat "$output"
holds "it ends with 1" test "$status" == 1
holds "at least ten mistakes have file, line and column" test "$(grep -cE "^$file:[0-9]+:[0-9]+: " "$output")" -ge 10
holds "intended words are named" grep -q 'did you mean' "$output"
verdict
