# What the shows share. Sourced, never run.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
cd "$ROOT" || exit 1

say() { printf '%s\n' "$*"; }

# holds TITLE COMMAND...: says whether the command succeeds, and remembers a failure for `verdict`.
failures=0
holds() {
  local title=$1
  shift
  if "$@"; then say "  holds   $title"; else say "  FAILS   $title"; failures=$((failures + 1)); fi
}

verdict() { ((failures == 0)); }

# within SECONDS COMMAND...: polls until the command succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" 2>/dev/null; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

# need TOOL PACKAGE: installs the package where the tool is missing and this is root.
need() {
  command -v "$1" >/dev/null && return 0
  [[ $EUID == 0 ]] || { say "install first: $2"; exit 1; }
  apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

# rss PID: resident memory in kB.
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# free_port: a port nothing listens on now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# own_stage PROGRAM...: for a show that starts what it needs itself. Builds `olympus` and examples by name, and sets `bin`
# to the folder of the programs and `folder` to one of its own. What is in `pids` is ended with it.
own_stage() {
  local profile=${OLYMPUS_PROFILE:-release} program wanted=()
  for program in "$@"; do
    if [[ $program == olympus ]]; then wanted+=(--bin olympus); else wanted+=(--example "$program"); fi
  done
  cargo build --quiet --locked --profile "$profile" "${wanted[@]}"
  bin=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}
  folder=$(mktemp -d)
  pids=()
  trap leave_stage EXIT
}

leave_stage() {
  kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
