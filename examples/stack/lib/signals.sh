# Ctrl-C, SIGTERM and a closed terminal at any moment leave nothing behind.
#
# Long work (cargo, pip) runs in a process group of its own, so that all of it can be ended; services run in
# sessions of their own, so that the terminal's Ctrl-C does not end them out of order.
# shellcheck shell=bash

busy=     # process group of the work under way
delicate= # set while a process is started whose id is not yet noted
pending=  # exit status of a signal that came meanwhile
hurry=    # set by a second Ctrl-C: services get one second to end

# Signals that were ignored on entry cannot be trapped, and a shell's background jobs ignore SIGINT: start afresh.
take_signals() {
  [[ ${OLYMPUS_SIGNALS:-} == "$$" ]] || OLYMPUS_SIGNALS=$$ exec env --default-signal=INT,QUIT,TERM "$BASH" "$0" "$@"
}

# on_exit COMMAND: what to run at the end, however it comes.
on_exit() {
  at_exit=$1
  trap finish EXIT
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
  trap 'interrupted 129' HUP
  trap 'interrupted 141' PIPE
}

# From here on, being told to end is no failure.
end_is_success() { trap 'interrupted 0' INT TERM HUP; }

finish() {
  trap '' PIPE
  trap 'hurry=yes' INT TERM HUP
  set +e
  end_busy
  "$at_exit"
}

interrupted() {
  if [[ $delicate ]]; then pending=$1; else exit "$1"; fi
}

enter_delicate() { delicate=yes; }

leave_delicate() {
  delicate=
  [[ -z $pending ]] || exit "$pending"
}

# interruptible COMMAND...: like running it, but a signal ends all of it at once.
interruptible() {
  local status=0
  enter_delicate
  setsid env --default-signal=INT,QUIT "$@" 9>&- &
  busy=$!
  leave_delicate
  wait "$busy" || status=$?
  busy=
  return "$status"
}

end_busy() {
  [[ $busy ]] || return 0
  kill -TERM "$busy" 2>/dev/null
  kill -TERM -- "-$busy" 2>/dev/null
  wait_until 5 group_is_gone "$busy" || kill -KILL -- "-$busy" 2>/dev/null
}

group_is_gone() { ! kill -0 -- "-$1" 2>/dev/null; }

in_a_hurry() { [[ $hurry ]]; }
