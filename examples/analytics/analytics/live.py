"""`GET /metrics/live`: server-sent events that replay the year, one day an event, over and over.

An event's id says which day it is, so a client that comes back with `Last-Event-ID` misses nothing.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.datastructures import Headers, QueryParams

from .facts import CURRENCY, Facts
from .problems import Invalid
from .queries import error

INTERVALS = range(10, 60_001)
DEFAULT_INTERVAL = 1000

DAYS = """
    SELECT day, count(DISTINCT order_number), sum(amount) FROM lines
    WHERE tenant = :tenant GROUP BY day ORDER BY day
"""


@dataclass(frozen=True)
class Subscription:
    """From which event, and how often."""

    first: int
    interval_ms: int

    @classmethod
    def parse(cls, parameters: QueryParams, headers: Headers) -> "Subscription":
        text = parameters.get("interval", str(DEFAULT_INTERVAL))
        if not (text.isascii() and text.isdigit() and int(text) in INTERVALS):
            allowed = f"from {INTERVALS.start} to {INTERVALS.stop - 1}"
            raise Invalid([error("interval", "range", f"interval is milliseconds {allowed}")])
        seen = headers.get("last-event-id", "0")
        # An id of another stream says nothing here: begin at the beginning.
        known = seen.isascii() and seen.isdigit() and len(seen) < 16
        return cls(int(seen) + 1 if known else 1, int(text))


async def stream(
    facts: Facts, tenant: str, subscription: Subscription, stopping: asyncio.Event
) -> AsyncIterator[str]:
    """Yields events until `stopping` is set; the server ends it when the client leaves."""
    days = await asyncio.to_thread(facts.ask, DAYS, {"tenant": tenant})
    number = subscription.first
    yield f"retry: {subscription.interval_ms}\n\n"
    while not stopping.is_set():
        yield event(number, tenant, days[(number - 1) % len(days)])
        number += 1
        try:
            await asyncio.wait_for(stopping.wait(), subscription.interval_ms / 1000)
        except TimeoutError:
            continue


def event(number: int, tenant: str, facts_of_day: tuple[str, int, int]) -> str:
    day, orders, revenue = facts_of_day
    metrics = {"tenant": tenant, "day": day, "orders": orders, "revenue": revenue, "unit": f"{CURRENCY} minor"}
    return f"id: {number}\nevent: metrics\ndata: {json.dumps(metrics)}\n\n"
