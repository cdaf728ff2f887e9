"""Steady clients that forgive nothing. Usage: steady.py HOST:PORT CONNECTIONS SESSIONS SOCKET_PATH PATH...

Keeps CONNECTIONS connections asking for each PATH in turn, one request after the other, and SESSIONS WebSocket
sessions at SOCKET_PATH each asking for an echo ten times a second. With N@RATE for CONNECTIONS, N of them ask RATE times
a second in all, so that the machine is not the limit; else each asks again as soon as it is answered. Says `ready` when
all of them work, goes on until standard input ends, and then says `requests N`, `failed N`, `echoes N` and `dropped N`.

A request fails when its answer is not 2xx, comes late, is cut short, or when its connection ends unannounced.
Nothing is tried again. A session is dropped when it ends, or when an echo is wrong or late.
"""

import asyncio
import os
import sys

PATIENCE = 10  # seconds for an answer or an echo
PAUSE = 0.1  # seconds between two echoes
MOST_SHOWN = 10  # failures that are told one by one


class Count:
    def __init__(self) -> None:
        self.requests = self.failed = self.echoes = self.dropped = 0

    def fail(self, what: str, error: object) -> None:
        if self.failed + self.dropped <= MOST_SHOWN:
            print(f"  {what}: {error!r}", flush=True)


async def ask(reader, writer, host: str, path: str) -> bool:
    """One request; whether the connection may be used again."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if not head.startswith("http/1.1 2"):
        raise ConnectionError(head.split("\r\n")[0])
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    else:
        await reader.readexactly(int(headers["content-length"]))
    return headers.get("connection") != "close"


async def requests(host: str, paths: list[str], pause: float, count: Count, stop: asyncio.Event) -> None:
    address, port = host.rsplit(":", 1)
    connection = None
    turn = 0
    clock = asyncio.get_running_loop().time
    due = clock()
    while not stop.is_set():
        # Late ones are not made up for: after a pause of the machine they would come in a burst.
        due = max(due + pause, clock())
        if pause:
            await asyncio.sleep(due - clock())
        path = paths[turn % len(paths)]
        turn += 1
        count.requests += 1
        try:
            async with asyncio.timeout(PATIENCE):
                connection = connection or await asyncio.open_connection(address, int(port))
                if not await ask(*connection, host, path):
                    connection[1].close()
                    connection = None
        except (OSError, EOFError, ValueError, KeyError, TimeoutError, asyncio.LimitOverrunError) as error:
            count.failed += 1
            count.fail(path, error)
            connection = None
            await asyncio.sleep(PAUSE)


def frame(text: bytes) -> bytes:
    """A masked text frame (RFC 6455 section 5.2); short texts only."""
    mask = os.urandom(4)
    return bytes([0x81, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text))


async def open_session(host: str, path: str):
    address, port = host.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(address, int(port))
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    writer.write(head.encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise ConnectionError(answer.decode())
    return reader, writer


async def session(host: str, path: str, number: int, count: Count, stop: asyncio.Event, opened: asyncio.Queue) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await open_session(host, path)
        opened.put_nowait(number)
        while not stop.is_set():
            text = f"session {number}, echo {count.echoes}".encode()
            async with asyncio.timeout(PATIENCE):
                writer.write(frame(text))
                if await reader.readexactly(2 + len(text)) != bytes([0x81, len(text)]) + text:
                    raise ConnectionError("another echo")
            count.echoes += 1
            await asyncio.sleep(PAUSE)
    except (OSError, EOFError, TimeoutError) as error:
        count.dropped += 1
        count.fail(f"session {number}", error)
        opened.put_nowait(number)


async def main(host: str, load: str, sessions: int, socket_path: str, paths: list[str]) -> None:
    connections, _, rate = load.partition("@")
    pause = int(connections) / int(rate) if rate else 0
    count, stop, opened = Count(), asyncio.Event(), asyncio.Queue()
    tasks = [asyncio.create_task(session(host, socket_path, n, count, stop, opened)) for n in range(sessions)]
    for _ in tasks:
        await opened.get()
    tasks += [asyncio.create_task(requests(host, paths, pause, count, stop)) for _ in range(int(connections))]
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    stop.set()
    await asyncio.gather(*tasks)
    for name in ("requests", "failed", "echoes", "dropped"):
        print(f"{name} {getattr(count, name)}")


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:]))
