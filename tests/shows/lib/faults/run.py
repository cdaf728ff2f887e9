"""One gateway under a steady load from begin to end."""

from load import Running, percentile
from place import Site, wait_for

CONNECTIONS, LOAD = 64, 0.6


class Run:
    """`setting` is the balancer and whether there are retries; `place` the programs and a folder to be made."""

    def __init__(self, place, setting, backends):
        self.balance, self.retries = setting
        self.site = Site(*place, *setting, backends)

    def begin(self, start, seconds, rate):
        """`rate` GETs a second; None: as fast as the connections allow."""
        self.start = start
        self.load = Running(self.site.public, CONNECTIONS, start, seconds, rate)

    def end(self):
        """Waits until the load is over and every log is written."""
        self.gets = self.load.gets()
        self.end_at = max(get.due for get in self.gets)
        self.site.wait_for_quiet()
        wait_for("the access log", lambda: len(self.site.access_lines()) >= len(self.gets))
        self.metrics = self.site.metrics()

    def due(self, begin, end):
        return [get for get in self.gets if begin <= get.due < end]

    def failed(self, begin, end):
        """GETs of which the client learned in this time that they failed."""
        return sum(1 for get in self.gets if get.failed and begin <= get.ended < end)

    def p99(self, begin, end):
        return percentile(self.due(begin, end), 99)


def rate_for(runs, start, seconds=3):
    """60 % of the GETs a second that the connections carry through the slowest of these, side by side."""
    for run in runs:
        run.begin(start, seconds, None)
    for run in runs:
        run.end()
        run.site.end()
    capacity = min(sum(get.ended <= start + seconds for get in run.gets) for run in runs) / seconds
    print(f"{CONNECTIONS} connections carry {capacity:.0f} GETs a second; {LOAD:.0%} of them are asked for", flush=True)
    return int(LOAD * capacity)
