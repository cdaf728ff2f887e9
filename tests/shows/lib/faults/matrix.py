#!/usr/bin/env python3
"""Every fault under load, for `wrr` and `peak_ewma`, with and without retries.

Four gateways run side by side, each with three backends of its own and everything at its default. Each backend works
100 ms on a GET, so that 64 connections carry at most 640 a second whatever the machine does; the capacity is measured
and 60 % of it is asked for at a fixed rate. After 4 s one backend falls sick, after 14 more it is well again, and 34 s
remain to take it back: long enough for a second ejection, which lasts twice as long, and for the slow start.
"""

import argparse
import pathlib
import sys
import tempfile
import time
from typing import NamedTuple

import table
from checks import end_on_signal, holds, verdict
from logs import fullest_budget, lost_tries
from run import Run, rate_for
from watch import Watch

HEALTHY, SICK, RECOVERY = 4, 14, 34  # seconds
SLOW_START = 10  # seconds, the default
FULL = 0.9 / 3  # nine tenths of what its weight gives it
ENOUGH = 2  # seconds over which a share is judged
SETTINGS = [(balance, retries) for balance in ("wrr", "peak_ewma") for retries in (False, True)]


class Fault(NamedTuple):
    name: str
    does: str  # `kill`, or the words for /faults
    kind: str  # under which backends count it
    causes: tuple  # under which the gateway counts it
    is_hidden: bool  # whether retries keep it from clients


FAULTS = [
    Fault("kill -9", "kill", "", ("refused", "connect_timeout", "reset"), True),
    Fault("hang", "hang", "hang", ("timeout",), True),
    Fault("reset", "reset", "reset", ("reset",), True),
    Fault("503", "status=503", "status", ("status",), True),
    Fault("500 for a third", "status=500;probability=0.3333", "status", ("status",), False),
    Fault("slow by 500 ms", "delay=500ms", "delay", (), False),
    Fault("truncated body", "truncate", "truncate", ("truncated",), False),
]


class Trial(Run):
    """One fault at one gateway."""

    def __init__(self, fault, setting, place, rate):
        super().__init__(place, setting, 3)
        self.fault, self.rate = fault, rate
        self.sick = self.site.backends[0]
        self.watch = Watch(self.site, self.sick)

    @property
    def name(self):
        return f"{self.fault.name}, {self.balance}, {'retries' if self.retries else 'no retries'}"

    def begin(self, start):
        super().begin(start, HEALTHY + SICK + RECOVERY, self.rate)
        self.watch.start()

    def fall_sick(self):
        self.sick_at = time.monotonic()
        self.sick.begin(self.fault.does)

    def mend(self):
        self.sick.mend(self.fault.does)
        self.mended_at = time.monotonic()

    def end(self):
        super().end()
        self.watch.stop()

    def counted(self):
        """The fault as the gateway's metrics count it, and as it was injected."""
        at = f'server_address="{self.sick.name}"'
        if not self.fault.causes:
            return self.slow(self.sick), self.sick.injected(self.fault.kind)
        causes = [f'cause="{cause}"' for cause in self.fault.causes]
        counted = sum(self.metrics.sum("olympus_upstream_failures_total", at, cause) for cause in causes)
        return counted, lost_tries(self.site) if self.fault.does == "kill" else self.sick.injected(self.fault.kind)

    def slow(self, backend):
        """Tries that took longer than half a second."""
        at = f'server_address="{backend.name}"'
        slow = self.metrics.sum("http_client_request_duration_seconds_count", at)
        return slow - self.metrics.sum("http_client_request_duration_seconds_bucket", at, 'le="0.5"')

    def stalled(self):
        """Slow tries to which nobody did anything: how often the machine itself stalled, as the others tell."""
        return sum(self.slow(backend) for backend in self.site.backends if backend is not self.sick)

    def others(self):
        """Failures the gateway counted that nobody injected."""
        own = self.counted()[0] if self.fault.causes else 0
        return self.metrics.sum("olympus_upstream_failures_total") - own

    def full_share(self):
        """Seconds from its recovery, as the gateway saw it, to its full share; None if that never came."""
        at = self.recovered_at
        while at + ENOUGH <= self.end_at:
            share = self.watch.share(at, at + ENOUGH)
            if share is not None and share >= FULL:
                return at - self.recovered_at
            at += 0.5
        return None

    @property
    def recovered_at(self):
        return self.watch.taken_back(self.mended_at - 1) or self.mended_at


def judge(run):
    counted, injected = run.counted()
    # Slowness alone has other causes too: on a machine that stalls, the well ones are a control.
    stalled = 0 if run.fault.causes else run.stalled()
    seen = f"{counted:.0f} of {injected}{f', {stalled:.0f} slow at the others' if stalled else ''}"
    holds(f"{run.name}: the metrics count what was injected", injected <= counted <= injected + stalled, seen)
    holds(f"{run.name}: and nothing else", run.others() == 0, f"{run.others():.0f} others")
    if run.retries:
        under_way, allowed = fullest_budget(run.site)
        seen = f"{under_way} retries where {allowed} were allowed"
        holds(f"{run.name}: retries stay within the budget", under_way <= allowed, seen)
    if run.retries and run.balance == "peak_ewma":
        if run.fault.is_hidden:
            failed = run.failed(run.sick_at + 1, run.end_at + 60)
            holds(f"{run.name}: no GET fails after the first second", failed == 0, f"{failed} failed")
        took = run.full_share()
        seen = "never" if took is None else f"{took:.1f} s"
        holds(f"{run.name}: full share within slow start", took is not None and took <= SLOW_START, seen)


def round_of(fault, programs, folder, rate):
    """The fault at four gateways at the same time."""
    runs = []
    for number, setting in enumerate(SETTINGS):
        runs.append(Trial(fault, setting, (programs, folder / f"{FAULTS.index(fault)}-{number}"), rate))
    start = time.monotonic() + 0.5
    for run in runs:
        run.begin(start)
    time.sleep(start + HEALTHY - time.monotonic())
    for run in runs:
        run.fall_sick()
    time.sleep(start + HEALTHY + SICK - time.monotonic())
    for run in runs:
        run.mend()
    for run in runs:
        run.end()
    table.series(fault, runs)
    for run in runs:
        judge(run)
        run.site.end()
    return [table.row(run) for run in runs]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=pathlib.Path, help="folder of the built programs")
    parser.add_argument("--only", default="", help="only faults whose name contains this")
    parser.add_argument("--keep", type=pathlib.Path, help="an empty folder for logs, to be kept")
    arguments = parser.parse_args()
    end_on_signal()
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.keep or pathlib.Path(folder)
        idle = [Run((arguments.programs, folder / f"idle-{number}"), each, 3) for number, each in enumerate(SETTINGS)]
        rate = rate_for(idle, time.monotonic() + 0.5)
        faults = [fault for fault in FAULTS if arguments.only in fault.name]
        rows = [row for fault in faults for row in round_of(fault, arguments.programs, folder, rate)]
    table.show(rows)
    return verdict()


if __name__ == "__main__":
    sys.exit(main())
