# Processes by name: `.run/NAME.pid` holds the id, and is believed only while that process is that program.
# shellcheck shell=bash

# wait_until SECONDS COMMAND...: polls until the command succeeds; fails when the time is over.
wait_until() {
  local end=$((SECONDS + $1 + 1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

pid_of() { cat "$RUN_DIR/$1.pid" 2>/dev/null; }

# identity NAME: a pattern that the program's command line contains.
identity() {
  case $1 in
    postgres) printf '%s' "-D $(postgres_home)/data" ;;
    redis) printf '%s' '@(redis|valkey)-server ' ;;
    gateway) printf '%s' 'olympus run -c ' ;;
    *) printf '%s' "--name $1 " ;;
  esac
}

# is_running NAME: process ids are reused, so the command line must fit too. A zombie has none.
is_running() {
  local pid line pattern
  pid=$(pid_of "$1") && [[ $pid =~ ^[0-9]+$ ]] || return 1
  line=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) || return 1
  pattern=$(identity "$1")
  # shellcheck disable=SC2053  # a pattern, on purpose
  [[ $line == *$pattern* ]]
}

# start NAME COMMAND...: in the background, in a session of its own, its words in .run/log/NAME.log.
start() {
  local name=$1 log=$LOG_DIR/$1.log
  shift
  [[ ! -e $log ]] || mv -f "$log" "$log.1"
  enter_delicate
  setsid env --default-signal=INT,QUIT "$@" </dev/null >"$log" 2>&1 9>&- &
  printf '%s\n' "$!" >"$RUN_DIR/$name.pid"
  disown
  wait_until 2 has_begun "$name" || true
  leave_delicate
}

# has_begun NAME: recognisable, or already over.
has_begun() { is_running "$1" || is_gone "$1"; }

is_gone() { ! kill -0 "$(pid_of "$1")" 2>/dev/null; }

# stop NAME: asks, waits, insists. A stale process id is only forgotten.
stop() {
  local name=$1 pid signal=TERM
  pid=$(pid_of "$name") || return 0
  if is_running "$name"; then
    [[ $name != postgres ]] || signal=INT # its TERM waits for clients to leave by themselves
    say "ending $name (process $pid)"
    kill "-$signal" "$pid" 2>/dev/null
    is_stopped "$name" "$(patience "$name")" || insist "$name" "$pid"
    kill -KILL -- "-$pid" 2>/dev/null # what it may have left in its process group
  fi
  rm -f "$RUN_DIR/$name.pid"
}

insist() {
  complain "$1 (process $2) did not end when asked: killing it"
  kill -KILL "$2" 2>/dev/null
  is_stopped "$1" 5 || complain "process $2 of $1 cannot be killed"
}

# patience NAME: seconds a service may take to end. The gateway lets requests in flight finish.
patience() {
  case $1 in
    gateway) printf 40 ;;
    *) printf 10 ;;
  esac
}

# is_stopped NAME SECONDS: waits for the end; a second Ctrl-C shortens the wait.
is_stopped() {
  local began=$SECONDS allowed=$2
  while is_running "$1"; do
    ! in_a_hurry || allowed=1
    ((SECONDS - began <= allowed)) || return 1
    sleep 0.1
  done
}
