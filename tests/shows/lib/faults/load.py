"""An open-loop client: so many GETs a second over so many connections, whatever becomes of them.

A GET is due at its time. Where every connection is busy it waits, and its latency counts from when it was due, so that
a gateway that stalls cannot hide it (coordinated omission). Runs in a process of its own.
"""

import asyncio
import collections
import multiprocessing
import time
from typing import NamedTuple

PATIENCE = 20  # seconds for answers after the last GET is due; longer than any deadline of the gateway


class Get(NamedTuple):
    """What came of one GET, by the monotonic clock."""

    due: float
    ended: float
    status: int  # 0: no answer, or not all of it
    has_retry_after: bool

    @property
    def failed(self):
        return self.status != 200

    @property
    def latency(self):
        return self.ended - self.due


class Connection(asyncio.Protocol):
    """One connection, one GET at a time. Opened when it is needed and not open."""

    def __init__(self, load):
        self.load = load
        self.transport = None
        self.due = None
        self.seen = b""

    async def ask(self, due):
        self.due, self.seen = due, b""
        try:
            if self.transport is None:
                host, port = self.load.address
                await asyncio.get_running_loop().create_connection(lambda: self, host, port)
            self.transport.write(self.load.request)
        except OSError:
            self.finish(0)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.seen += data
        head, found, body = self.seen.partition(b"\r\n\r\n")
        if not found or self.due is None:
            return
        status, headers = int(head[9:12]), head.lower()
        length = int(headers.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        if b"\r\nconnection: close" in headers:
            self.transport.close()
            self.transport = None
        self.finish(status, b"\r\nretry-after: " in headers)

    def connection_lost(self, _error):
        if self.transport is not None:
            self.transport = None
            if self.due is not None:
                self.finish(0)

    def finish(self, status, has_retry_after=False):
        due, self.due = self.due, None
        self.load.finished(self, Get(due, time.monotonic(), status, has_retry_after))


class Load:
    def __init__(self, address, connections):
        self.address = address
        self.request = f"GET /products?limit=1 HTTP/1.1\r\nhost: {address[0]}:{address[1]}\r\n\r\n".encode()
        self.free = collections.deque(Connection(self) for _ in range(connections))
        self.waiting = collections.deque()
        self.gets = []
        self.under_way = set()

    def finished(self, connection, get):
        self.gets.append(get)
        self.free.append(connection)
        if self.waiting:
            self.begin(self.waiting.popleft())

    def begin(self, due):
        task = asyncio.ensure_future(self.free.popleft().ask(due))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def at_rate(self, start, seconds, rate):
        """One GET every 1/rate seconds from `start` on."""
        for number in range(int(seconds * rate)):
            due = start + number / rate
            pause = due - time.monotonic()
            if pause > 0.0005:
                await asyncio.sleep(pause)
            if self.free:
                self.begin(due)
            else:
                self.waiting.append(due)
        await self.end(int(seconds * rate))

    async def at_most(self, start, seconds):
        """As fast as the connections allow."""
        await asyncio.sleep(start - time.monotonic())
        count = len(self.free)
        while time.monotonic() < start + seconds:
            while self.free:
                self.begin(time.monotonic())
            await asyncio.sleep(0.001)
        await self.end(len(self.gets) + count - len(self.free))

    async def end(self, wanted):
        deadline = time.monotonic() + PATIENCE
        while len(self.gets) < wanted and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        now = time.monotonic()
        lost = [connection.due for connection in (set(self.everyone) - set(self.free)) if connection.due is not None]
        self.gets.extend(Get(due, now, 0, False) for due in [*lost, *self.waiting])

    async def run(self, start, seconds, rate):
        self.everyone = list(self.free)
        await (self.at_most(start, seconds) if rate is None else self.at_rate(start, seconds, rate))


def _work(pipe, address, connections, start, seconds, rate):
    load = Load(address, connections)
    asyncio.run(load.run(start, seconds, rate))
    pipe.send(load.gets)


class Running:
    """A load that is under way. `rate` None: as fast as the connections allow."""

    def __init__(self, address, connections, start, seconds, rate):
        self.pipe, end = multiprocessing.Pipe(duplex=False)
        arguments = (end, address, connections, start, seconds, rate)
        self.process = multiprocessing.Process(target=_work, args=arguments, daemon=True)
        self.process.start()
        end.close()

    def gets(self):
        """Waits for its end."""
        gets = self.pipe.recv()
        self.process.join()
        return gets


def percentile(gets, percent):
    """Latency in milliseconds, also of what failed; None without any."""
    latencies = sorted(get.latency for get in gets)
    return 1000 * latencies[min(len(latencies) - 1, len(latencies) * percent // 100)] if latencies else None
