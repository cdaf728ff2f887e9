#!/usr/bin/env bash
# stack: none
# `make run` ends with printed URLs and commands that work; Ctrl-C leaves no process behind. `make up` and
# `make down` likewise.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.bash"

output=$(mktemp)
finish() {
  rm -f "$output"
  make --no-print-directory down >/dev/null 2>&1 || true
}
trap finish EXIT

# Processes of a stack that work in this checkout, whoever started them.
processes() {
  local process name
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/cwd" 2>/dev/null) == "$ROOT"* ]] || continue
    name=$(cat "$process/comm" 2>/dev/null) || continue
    [[ ! $name =~ ^(olympus|commerce|auth|postgres|redis-server|python.*)$ ]] || say "$name (${process#/proc/})"
  done
}
none_left() { [[ -z $(comm -13 <(sort <<<"$before") <(processes | sort)) ]]; }
is_printed() { grep -q 'Then break something' "$output"; }

# try_printed: runs each printed command that asks for something; all must answer with something.
try_printed() {
  local command answer
  while read -r command; do
    answer=$(bash -c "$command") || { say "  failed: $command"; return 1; }
    [[ -n $answer && $answer != *'"success":false'* ]] || { say "  $command answered: $answer"; return 1; }
    say "  ran     $command → ${answer:0:60}…"
  done < <(grep -E '^ +curl ' "$output")
}

make --no-print-directory down >/dev/null 2>&1 || true
before=$(processes) # of tests, say: they are not ours to judge
setsid make --no-print-directory run >"$output" 2>&1 &
session=$!
holds "make run prints URLs and commands" within 1200 is_printed
holds "the printed commands work" try_printed
kill -INT -- "-$session"
wait "$session" || true
holds "Ctrl-C leaves no process" within 20 none_left

make --no-print-directory up >"$output" 2>&1
holds "make up prints the same" is_printed
holds "the printed commands work" try_printed
make --no-print-directory down
holds "make down leaves no process" within 20 none_left
verdict
