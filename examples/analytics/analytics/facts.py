"""Sales of the year 2025 for two tenants: generated, and the same at every start, in an in-memory SQLite database.

Product ids and prices are those of the `commerce` backend. Amounts are minor units of EUR.
"""

import random
import sqlite3
import threading
from collections.abc import Iterator
from datetime import date, timedelta

TENANTS = ("acme", "globex")
COUNTRIES = ("AT", "CH", "DE", "FR", "IT", "NL")
CURRENCY = "EUR"
FIRST_DAY = date(2025, 1, 1)
LAST_DAY = date(2025, 12, 31)
PRODUCTS = 200

SCHEMA = """
    CREATE TABLE lines (
        tenant TEXT NOT NULL,
        day TEXT NOT NULL,
        order_number INTEGER NOT NULL,
        country TEXT NOT NULL,
        product TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        amount INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX lines_by_day ON lines (tenant, day);
"""
INSERT = "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)"

Line = tuple[str, str, int, str, str, int, int]


class Facts:
    """The facts; may be asked from any thread, one question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.executescript(SCHEMA)
        for tenant in TENANTS:
            self._connection.executemany(INSERT, lines(tenant))
        self._connection.commit()

    def ask(self, sql: str, parameters: dict[str, str]) -> list[tuple]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()


def lines(tenant: str) -> Iterator[Line]:
    """Order lines, day by day; the tenant's name is the seed, so tenants differ and runs do not."""
    dice = random.Random(f"sales of {tenant}")
    number = 0
    for day in days():
        # Weekends sell more.
        for _ in range(dice.randint(12, 20) + (8 if day.weekday() >= 5 else 0)):
            number += 1
            country = dice.choice(COUNTRIES)
            for product in dice.sample(range(1, PRODUCTS + 1), dice.randint(1, 3)):
                quantity = dice.randint(1, 4)
                amount = quantity * price(product)
                yield tenant, day.isoformat(), number, country, f"p-{product:04}", quantity, amount


def days() -> Iterator[date]:
    day = FIRST_DAY
    while day <= LAST_DAY:
        yield day
        day += timedelta(days=1)


def price(product: int) -> int:
    """As in the catalogue of `commerce`."""
    return 199 + (product * 7_919) % 20_000
