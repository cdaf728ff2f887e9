"""Three kinds of clients at the same time, each at its own pace. Usage: apart.py HOST:PORT SECONDS NAME=PATH[@TOKEN]...

Each kind keeps CONNECTIONS connections on which it asks for its path RATE times a second altogether, at moments of its
own whatever became of the request before. Says for each kind one line: `NAME requests N good N unavailable N failed N
p50 MS p99 MS most MS`, where good is 2xx, unavailable is 503 as a problem document, and failed is everything else.
"""

import asyncio
import sys
import time

CONNECTIONS = 4
RATE = 40
PATIENCE = 10  # seconds for an answer
MOST_SHOWN = 5


class Kind:
    def __init__(self, text: str) -> None:
        self.name, rest = text.split("=", 1)
        self.path, _, self.token = rest.partition("@")
        self.good = self.unavailable = self.failed = 0
        self.took: list[float] = []

    def line(self) -> str:
        took = sorted(self.took) or [0.0]
        p50, p99 = (took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.99))
        return (
            f"{self.name} requests {len(self.took)} good {self.good} unavailable {self.unavailable} "
            f"failed {self.failed} p50 {p50 * 1000:.1f} p99 {p99 * 1000:.1f} most {took[-1] * 1000:.1f}"
        )

    def count(self, status: int, kind: str) -> None:
        if 200 <= status < 300:
            self.good += 1
        elif status == 503 and kind.startswith("application/problem+json"):
            self.unavailable += 1
        else:
            self.fail(f"status {status}")

    def fail(self, what: object) -> None:
        self.failed += 1
        if self.failed <= MOST_SHOWN:
            print(f"  {self.name}: {what!r}", file=sys.stderr)


async def ask(reader, writer, host: str, kind: Kind) -> tuple[int, str]:
    token = f"Authorization: Bearer {kind.token}\r\n" if kind.token else ""
    writer.write(f"GET {kind.path} HTTP/1.1\r\nHost: {host}\r\n{token}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    else:
        await reader.readexactly(int(headers.get("content-length", "0")))
    return int(lines[0].split()[1]), headers.get("content-type", "")


async def client(host: str, kind: Kind, moments: list[float], start: float) -> None:
    address, port = host.rsplit(":", 1)
    connection = None
    for moment in moments:
        await asyncio.sleep(max(0.0, start + moment - time.monotonic()))
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                connection = connection or await asyncio.open_connection(address, int(port))
                kind.count(*await ask(*connection, host, kind))
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            kind.fail(error)
            connection = None
        kind.took.append(time.monotonic() - began)


async def main(host: str, seconds: float, kinds: list[Kind]) -> None:
    start = time.monotonic() + 0.1
    pause = CONNECTIONS / RATE
    tasks = []
    for kind in kinds:
        for number in range(CONNECTIONS):
            moments = [number / RATE + turn * pause for turn in range(int(seconds / pause))]
            tasks.append(asyncio.create_task(client(host, kind, moments, start)))
    await asyncio.gather(*tasks)
    for kind in kinds:
        print(kind.line())


asyncio.run(main(sys.argv[1], float(sys.argv[2]), [Kind(text) for text in sys.argv[3:]]))
