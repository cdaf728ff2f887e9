"""Many WebSocket sessions held open in silence, then each asked for an echo. Usage: sockets.py URL COUNT

Says `open N` when all are open, waits for a line on standard input, sends one message on each session and says
`echoed N`, with the number that came back whole. Nothing is sent before, neither messages nor pings.
"""

import asyncio
import os
import sys
from urllib.parse import urlsplit

PATIENCE = 30  # seconds for a handshake or an echo


async def open_session(host: str, port: int, path: str):
    reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), PATIENCE)
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise ConnectionError(answer.decode())
    return reader, writer


def frame(text: bytes) -> bytes:
    """A masked text frame (RFC 6455 section 5.2); short texts only."""
    mask = os.urandom(4)
    return bytes([0x81, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text))


async def echoes(session, number: int) -> bool:
    reader, writer = session
    text = f"session {number}".encode()
    try:
        writer.write(frame(text))
        expected = bytes([0x81, len(text)]) + text
        return await asyncio.wait_for(reader.readexactly(len(expected)), PATIENCE) == expected
    except (OSError, EOFError, TimeoutError, asyncio.TimeoutError):
        return False


async def main(url: str, count: int) -> None:
    parts = urlsplit(url)
    sessions = []
    for _ in range(count):
        sessions.append(await open_session(parts.hostname, parts.port, parts.path))
    print(f"open {len(sessions)}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    whole = await asyncio.gather(*(echoes(session, number) for number, session in enumerate(sessions)))
    print(f"echoed {sum(whole)}", flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
