"""Structured logs: one JSON line on stderr for each event, and one for each request."""

import json
import logging
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRACE_ID = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-")

logger = logging.getLogger("analytics")


class JsonLines(logging.Formatter):
    """A record and its `fields` as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "timestamp": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def start() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class RequestLog:
    """ASGI middleware: names the backend in every answer and logs every request when it ends."""

    def __init__(self, app: ASGIApp, backend: str) -> None:
        self.app = app
        self.backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        status: int | None = None

        async def send_signed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-backend"] = self.backend
            await send(message)

        try:
            await self.app(scope, receive, send_signed)
        finally:
            logger.info("request", extra={"fields": self.line(scope, status, time.monotonic() - started)})

    def line(self, scope: Scope, status: int | None, seconds: float) -> dict[str, object]:
        """The path is written without the query."""
        headers = Headers(scope=scope)
        trace = TRACE_ID.match(headers.get("traceparent", ""))
        line = {
            "backend": self.backend,
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "request_id": headers.get("x-request-id"),
            "trace_id": trace and trace[1],
        }
        return {key: value for key, value in line.items() if value is not None}
