"""What the logs of gateway and backends say together: how many retries were under way, how many tries got lost."""

import bisect
import collections
from datetime import datetime

PERCENT, LEAST = 20, 3  # the default budget
BEFORE = 0.1  # leave is given before the pause, which lasts up to 50 ms, and the try is seen after it


class Active:
    """How many intervals cover a time."""

    def __init__(self, intervals):
        self.begins = sorted(begin for begin, _ in intervals)
        self.ends = sorted(end for _, end in intervals)

    def at(self, time):
        return bisect.bisect_right(self.begins, time) - bisect.bisect_right(self.ends, time)

    def most(self, since, until):
        """The highest between two times: it is reached where an interval begins."""
        first, last = bisect.bisect_left(self.begins, since), bisect.bisect_right(self.begins, until)
        return max([self.at(since), *(self.at(begin) for begin in self.begins[first:last])])


def fullest_budget(site):
    """The moment at which retries under way came closest to what they may be, or went beyond it: (retries, allowed)."""
    requests = [interval(seconds(line["time"]), line["duration_ms"]) for line in site.access_lines()]
    retries = retries_seen(site)
    active, under_way = Active(requests), Active(retries)
    seen = [(under_way.at(begin), allowed(active.most(begin - BEFORE, begin))) for begin, _ in retries]
    return max(seen, key=lambda pair: pair[0] - pair[1], default=(0, LEAST))


def retries_seen(site):
    """Every try that a backend saw after another one of the same request. A connection that was refused is none: it
    does not draw on the budget."""
    tries = collections.defaultdict(list)
    for backend in site.backends:
        for line in backend.lines():
            end = seconds(line["timestamp"])
            tries[line["request_id"]].append((end - line["duration_ms"] / 1000, end))
    return [each for of_one in tries.values() for each in sorted(of_one)[1:]]


def lost_tries(site):
    """Tries the gateway made that no backend has written of: connections refused or broken by a kill."""
    made = sum(line.get("tries", 0) for line in site.access_lines())
    return made - sum(1 for backend in site.backends for _ in backend.lines())


def allowed(active):
    return max(active * PERCENT // 100, LEAST)


def interval(begin, milliseconds):
    return begin, begin + milliseconds / 1000


def seconds(text):
    return datetime.fromisoformat(text).timestamp()
