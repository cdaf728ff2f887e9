# Words to the person at the terminal.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }

complain() { printf 'stack: %s\n' "$*" >&2; }

die() {
  complain "$@"
  exit 1
}

# last_lines NAME: what the service said before it failed.
last_lines() {
  local log=$LOG_DIR/$1.log
  [[ -s $log ]] || { complain "$1 wrote nothing to its log"; return 0; }
  complain "the last lines of $log:"
  tail -n 20 "$log" | sed 's/^/    /' >&2
}
