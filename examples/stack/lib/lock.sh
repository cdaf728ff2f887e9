# One bring-up or take-down at a time per checkout. File descriptor 9 holds the lock; nothing we start inherits it.
# shellcheck shell=bash

# take_lock SECONDS: waits at most that long.
take_lock() {
  mkdir -p "$RUN_DIR"
  exec 9>>"$RUN_DIR/lock"
  if ! flock -w "$1" 9; then
    die "process $(cat "$RUN_DIR/lock") is just starting or ending the stack of this checkout; interrupt it or try again"
  fi
  printf '%s\n' "$$" >"$RUN_DIR/lock"
}

drop_lock() { exec 9>&-; }
