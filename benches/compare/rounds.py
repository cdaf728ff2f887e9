"""Interleaved rounds: whatever else the machine does touches all subjects alike."""

import dataclasses
import statistics
import time

import load
from processes import SUBJECT_CORE, cpu_seconds, idle_seconds, rss_megabytes

# The open loop asks for this share of what the same round's closed loop just reached.
OWN_MAXIMUM = 0.7


@dataclasses.dataclass
class Subject:
    """A program that runs, what it is asked, and what was measured of it, round by round."""

    name: str
    pid: int
    target: load.Target
    is_paced: bool = False
    rounds: list = dataclasses.field(default_factory=list)

    def values(self, key):
        return [result[key] for result in self.rounds if result.get(key) is not None]

    def median(self, key):
        """None where most rounds have no such value."""
        values = self.values(key)
        return statistics.median(values) if 2 * len(values) > len(self.rounds) else None

    def against(self, other, how):
        """The median over the rounds of what `how` makes of both CPU times: a ratio, say."""
        pairs = zip(self.rounds, other.rounds)
        return statistics.median(how(mine["cpu"], theirs["cpu"]) for mine, theirs in pairs)


def measure(subjects, tools, arguments):
    """Fills in the rounds of each subject."""
    for subject in subjects:
        closed_loop(subject, tools, 1, arguments)
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", flush=True)
        # Nobody is always first, or always far from what it is compared with.
        first = number * len(subjects) // arguments.rounds
        for subject in subjects[first:] + subjects[:first]:
            result = closed_loop(subject, tools, arguments.seconds, arguments)
            if subject.is_paced and "oha" not in tools.missing:
                result.update(open_loop(subject, tools, result["rate"], arguments))
            subject.rounds.append(result)


def closed_loop(subject, tools, seconds, arguments):
    oha = tools.path("oha") if subject.target.http2 else None
    spent, idle, began = cpu_seconds(subject.pid), idle_seconds(SUBJECT_CORE), time.monotonic()
    requests = load.closed_loop(oha, subject.target, seconds, arguments.connections)
    took = time.monotonic() - began
    return {
        "requests": requests,
        "rate": requests / seconds,
        "cpu": (cpu_seconds(subject.pid) - spent) / requests * 1e6,
        "idle": (idle_seconds(SUBJECT_CORE) - idle) / took,
        "rss": rss_megabytes(subject.pid),
    }


def open_loop(subject, tools, reached, arguments):
    rate = OWN_MAXIMUM * reached
    latencies = load.open_loop(tools.path("oha"), subject.target, arguments.seconds, arguments.connections, rate)
    return dict(zip(("p50", "p99"), latencies or (None, None)))
