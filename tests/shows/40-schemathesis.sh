#!/usr/bin/env bash
# The API against its own description, with many requests: no answer that is not described, and none of a fault of ours.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

holds "every answer is as /openapi.json says" .ci/schemathesis 150
verdict
