"""Clients that ask more often than they may. Usage: limited.py CLIENTS RATE SECONDS HOST:PORT...

CLIENTS connections, spread over the addresses, together send RATE requests a second for SECONDS, each at its own
moments whatever became of the one before. Says `admitted N` (200), `refused N` (429), `failed N` (5xx, or no answer),
`other N` and `seconds S` from the first request to the last answer.
"""

import asyncio
import sys
import time

PATIENCE = 5  # seconds for an answer
PATH = "/livez"


async def ask(reader, writer, host: str) -> int:
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(lines[0].split()[1])


async def client(host: str, moments: list[float], start: float, counts: dict[str, int]) -> None:
    address, port = host.rsplit(":", 1)
    connection = None
    for moment in moments:
        await asyncio.sleep(max(0.0, start + moment - time.monotonic()))
        try:
            async with asyncio.timeout(PATIENCE):
                connection = connection or await asyncio.open_connection(address, int(port))
                status = await ask(*connection, host)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            print(f"  {host}: {error!r}")
            counts["failed"] += 1
            connection = None
            continue
        kind = {200: "admitted", 429: "refused"}.get(status, "failed" if status >= 500 else "other")
        counts[kind] += 1


async def main(clients: int, rate: float, seconds: float, hosts: list[str]) -> None:
    counts = dict.fromkeys(("admitted", "refused", "failed", "other"), 0)
    pause = clients / rate
    start = time.monotonic() + 0.1
    tasks = []
    for number in range(clients):
        moments = [number / rate + turn * pause for turn in range(int(seconds / pause))]
        tasks.append(asyncio.create_task(client(hosts[number % len(hosts)], moments, start, counts)))
    await asyncio.gather(*tasks)
    for name, count in counts.items():
        print(f"{name} {count}")
    print(f"seconds {time.monotonic() - start:.3f}")


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]))
