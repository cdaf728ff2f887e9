"""Serves until SIGTERM or SIGINT, then ends streams, lets requests finish for a bounded time, and exits with 0."""

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from .log import RequestLog

GRACE_SECONDS = 4


class Server(uvicorn.Server):
    """Uvicorn without its signal handlers, which would end the process by the signal instead of with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Starlette, address: tuple[str, int]) -> None:
    """Announces the address on stdout and serves `app` there."""
    config = uvicorn.Config(
        RequestLog(app, app.state.name), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=GRACE_SECONDS
    )
    server = Server(config)

    def stop() -> None:
        app.state.stopping.set()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)

    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.create_server(address, family=family, backlog=1024)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
    print(json.dumps({"listening": shown}), flush=True)
    await server.serve(sockets=[listener])
