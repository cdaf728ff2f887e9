"""Says of each claim whether it holds, as the other shows do, and what was seen where it does not."""

import signal
import sys

failures = 0


def holds(title, is_true, seen=""):
    global failures
    failures += not is_true
    print(f"  {'holds' if is_true else 'FAILS'}   {title}{f': {seen}' if seen and not is_true else ''}", flush=True)


def end_on_signal():
    """A time limit ends a show by SIGTERM: what it started is ended all the same."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def verdict():
    return 1 if failures else 0
