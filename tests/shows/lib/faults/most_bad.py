#!/usr/bin/env python3
"""Three of four endpoints bad at once, then all of them.

Four gateways side by side with everything at its default, each with four backends of its own under the load that
matrix.py explains. In the last one each backend fails in a way of its own. 4 s after the start three fall sick at the
same moment, 30 s later the fourth. When 12 more have passed and the load is over, 200 GETs one after the other measure
how long a refusal takes.
"""

import argparse
import http.client
import pathlib
import sys
import tempfile
import time

from checks import end_on_signal, holds, verdict
from load import Get
from logs import fullest_budget, seconds
from place import wait_for
from run import Run, rate_for

HEALTHY, MOST, ALL = 4, 30, 12  # seconds
SETTLED = 10  # seconds after which GETs are judged
SCENES = {
    "kill -9": ["kill"] * 4,
    "hang": ["hang"] * 4,
    "503": ["status=503"] * 4,
    "one of each": ["kill", "hang", "status=503", "reset"],
}
SETTING = ("peak_ewma", True)
IN_A_ROW, LIMIT = 200, 5  # GETs, ms


class Scene(Run):
    def __init__(self, name, faults, place):
        super().__init__(place, SETTING, len(faults))
        self.name, self.faults = name, faults

    def break_most(self):
        self.most_at = time.monotonic()
        for backend, fault in list(zip(self.site.backends, self.faults))[:-1]:
            backend.begin(fault)

    def break_all(self):
        self.all_at = time.monotonic()
        self.site.backends[-1].begin(self.faults[-1])

    def end(self):
        self.gets = self.load.gets()
        self.in_a_row = [self.get() for _ in range(IN_A_ROW)]
        self.site.wait_for_quiet()
        wait_for("the access log", lambda: len(self.site.access_lines()) >= len(self.gets) + IN_A_ROW)

    def refusals_logged(self, since):
        """The milliseconds of refusals at once, sorted, and how many others there were, of requests begun later."""
        wall = time.time() - time.monotonic() + since
        lines = [line for line in self.site.access_lines() if seconds(line["time"]) > wall]
        at_once = sorted(line["duration_ms"] for line in lines if line["flag"] == "UH" and line["tries"] == 0)
        return at_once, len(lines) - len(at_once)

    def get(self):
        """One GET over a connection of its own, which is how long a client that was refused waits."""
        began = time.monotonic()
        connection = http.client.HTTPConnection(*self.site.public, timeout=15)
        connection.request("GET", "/products?limit=1")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return Get(began, time.monotonic(), answer.status, answer.getheader("retry-after") is not None)


def is_refused(get):
    return get.status == 503 and get.has_retry_after


def judge(scene):
    settled = scene.due(scene.most_at + SETTLED, scene.all_at)
    well = sum(not get.failed for get in settled)
    print(f"\n{scene.name}: % that succeed, every 2 s; | three of four bad, | all bad")
    print("  ", *(f"{mark}{share(scene.due(at, at + 2)):.0f}" for at, mark in steps(scene)))
    holds(f"{scene.name}: 99 % succeed {SETTLED} s after", well >= 0.99 * len(settled), f"{well} of {len(settled)}")
    under_way, allowed = fullest_budget(scene.site)
    seen = f"{under_way} retries where {allowed} were allowed"
    holds(f"{scene.name}: retries stay within the budget", under_way <= allowed, seen)
    known_at = min((get.ended for get in scene.gets if is_refused(get) and get.due > scene.all_at), default=None)
    holds(f"{scene.name}: that all are bad is known", known_at is not None)
    if known_at is not None:
        judge_refusals(scene, known_at)


def judge_refusals(scene, known_at):
    print(f"   known after {known_at - scene.all_at:.1f} s")
    since = [get for get in scene.gets if get.due > known_at]
    others = sum(not is_refused(get) for get in since)
    holds(f"{scene.name}: everybody gets 503 with Retry-After, trials apart", others <= trials(scene), others)
    at_once, tried = scene.refusals_logged(known_at)
    seen = f"p99 {at(at_once, 99):.1f} ms of {len(at_once)}"
    print(f"   by the gateway's clock, under load: p50 {at(at_once, 50):.2f} ms, {seen}; {tried} trials beside them")
    holds(f"{scene.name}: only trials wait for a backend", tried <= trials(scene), tried)
    holds(f"{scene.name}: a refusal takes {LIMIT} ms at most by the gateway's clock", at(at_once, 99) <= LIMIT, seen)
    alone = sorted(1000 * get.latency for get in scene.in_a_row if is_refused(get))
    seen = f"p99 {at(alone, 99):.1f} ms of {len(alone)}"
    print(f"   by the client's, one after the other: p50 {at(alone, 50):.2f} ms, {seen}")
    is_quick = len(alone) > IN_A_ROW / 2 and at(alone, 99) <= LIMIT
    holds(f"{scene.name}: and {LIMIT} ms at most by the client's", is_quick, seen)


def trials(scene):
    """Three at each endpoint, at most every 5 s."""
    return 3 * len(scene.faults) * (ALL // 5 + 1)


def steps(scene):
    """The beginning of every 2 s, with a mark where more endpoints go bad."""
    for second in range(0, HEALTHY + MOST + ALL, 2):
        yield scene.start + second, "| " if second in (HEALTHY, HEALTHY + MOST) else ""


def share(gets):
    return 100 * sum(not get.failed for get in gets) / max(len(gets), 1)


def at(values, percent):
    """A percentile of sorted values."""
    return values[min(len(values) - 1, len(values) * percent // 100)] if values else float("inf")


def perform(place, rate):
    programs, folder = place
    scenes = [Scene(*scene, (programs, folder / f"scene-{number}")) for number, scene in enumerate(SCENES.items())]
    start = time.monotonic() + 0.5
    for scene in scenes:
        scene.begin(start, HEALTHY + MOST + ALL, rate)
    time.sleep(start + HEALTHY - time.monotonic())
    for scene in scenes:
        scene.break_most()
    time.sleep(start + HEALTHY + MOST - time.monotonic())
    for scene in scenes:
        scene.break_all()
    for scene in scenes:
        scene.end()
    for scene in scenes:
        judge(scene)
        scene.site.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=pathlib.Path, help="folder of the built programs")
    parser.add_argument("--keep", type=pathlib.Path, help="an empty folder for logs, to be kept")
    arguments = parser.parse_args()
    end_on_signal()
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.keep or pathlib.Path(folder)
        idle = [Run((arguments.programs, folder / f"idle-{number}"), SETTING, 4) for number in range(len(SCENES))]
        rate = rate_for(idle, time.monotonic() + 0.5)
        perform((arguments.programs, folder), rate)
    return verdict()


if __name__ == "__main__":
    sys.exit(main())
