"""Follows a site's metrics while a show runs: who was chosen how often, and when the sick one was taken back."""

import threading
import time
from typing import NamedTuple

from place import tries

EVERY = 0.5  # seconds


class Sample(NamedTuple):
    at: float
    tries: list
    returns: float  # how often the sick one began to warm up


class Watch(threading.Thread):
    """Until told to stop."""

    def __init__(self, site, sick):
        super().__init__(daemon=True)
        self.site, self.sick = site, sick
        self.samples = []
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            metrics, now = self.site.metrics(), time.monotonic()
            warming = (f'server_address="{self.sick.name}"', 'state="warming"')
            returns = metrics.sum("olympus_upstream_endpoint_states_total", *warming)
            seen = [tries(metrics, each) for each in self.site.backends]
            # A try that failed counts twice while its request waits for leave to make another.
            before = self.samples[-1].tries if self.samples else seen
            self.samples.append(Sample(now, [max(pair) for pair in zip(before, seen)], returns))
            self.over.wait(EVERY)

    def stop(self):
        self.over.set()
        self.join()

    def share(self, begin, end):
        """The sick one's share of the tries begun between two times; None where there were none."""
        within = [sample for sample in self.samples if begin - EVERY / 2 <= sample.at <= end + EVERY / 2]
        if len(within) < 2:
            return None
        sick = self.site.backends.index(self.sick)
        grown = [new - old for old, new in zip(within[0].tries, within[-1].tries)]
        return grown[sick] / sum(grown) if sum(grown) else None

    def taken_back(self, since):
        """When it last began to warm up; None if it never did."""
        pairs = zip(self.samples, self.samples[1:])
        times = [new.at for old, new in pairs if new.returns > old.returns and new.at > since]
        return times[-1] if times else None
