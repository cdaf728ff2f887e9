"""`GET /query`: one metric over the facts of one tenant, whole or by group."""

from dataclasses import dataclass
from datetime import date

from starlette.datastructures import QueryParams

from .facts import CURRENCY, FIRST_DAY, LAST_DAY, Facts
from .problems import Invalid

# Names of parameters to SQL; nothing a caller writes ever becomes part of a statement.
METRICS = {
    "revenue": "sum(amount)",
    "orders": "count(DISTINCT order_number)",
    "average_order": "CAST(round(1.0 * sum(amount) / count(DISTINCT order_number)) AS INTEGER)",
}
GROUPS = {"day": "day", "product": "product", "country": "country"}
KNOWN = ("metric", "group_by", "from", "to", "tenant")


@dataclass(frozen=True)
class Query:
    """A question that makes sense."""

    metric: str
    group_by: str | None
    first: date
    last: date

    @classmethod
    def parse(cls, parameters: QueryParams) -> "Query":
        """Reads the parameters and reports every mistake at once."""
        errors = [error(name, "unknown", f"known are {', '.join(KNOWN)}") for name in parameters if name not in KNOWN]
        metric = choice(parameters, "metric", METRICS, errors)
        if metric is None and "metric" not in parameters:
            errors.append(error("metric", "missing", f"give one of {', '.join(METRICS)}"))
        group_by = choice(parameters, "group_by", GROUPS, errors)
        first = day(parameters, "from", FIRST_DAY, errors)
        last = day(parameters, "to", LAST_DAY, errors)
        if first > last:
            errors.append(error("from", "order", "from is after to"))
        if errors or metric is None:
            raise Invalid(errors)
        return cls(metric, group_by, first, last)

    def sql(self) -> str:
        value = METRICS[self.metric]
        where = "FROM lines WHERE tenant = :tenant AND day BETWEEN :first AND :last"
        if self.group_by is None:
            return f"SELECT 'all', coalesce({value}, 0) {where}"
        key = GROUPS[self.group_by]
        return f"SELECT {key}, {value} {where} GROUP BY {key} ORDER BY {key}"


def run(facts: Facts, tenant: str, query: Query) -> dict[str, object]:
    """The answer, money in minor units."""
    bounds = {"tenant": tenant, "first": query.first.isoformat(), "last": query.last.isoformat()}
    rows = facts.ask(query.sql(), bounds)
    return {
        "tenant": tenant,
        "metric": query.metric,
        "group_by": query.group_by,
        "from": bounds["first"],
        "to": bounds["last"],
        "unit": "count" if query.metric == "orders" else f"{CURRENCY} minor",
        "rows": [{"key": key, "value": value} for key, value in rows],
    }


def choice(parameters: QueryParams, name: str, known: dict[str, str], errors: list[dict[str, str]]) -> str | None:
    value = parameters.get(name)
    if value is None or value in known:
        return value
    errors.append(error(name, "not_one_of", f"`{value}` is not one of {', '.join(known)}"))
    return None


def day(parameters: QueryParams, name: str, default: date, errors: list[dict[str, str]]) -> date:
    value = parameters.get(name)
    if value is None:
        return default
    try:
        return date.fromisoformat(value)
    except ValueError:
        errors.append(error(name, "not_a_day", f"`{value}` is not a day such as 2025-03-01"))
        return default


def error(parameter: str, code: str, message: str) -> dict[str, str]:
    return {"parameter": parameter, "code": code, "message": message}
