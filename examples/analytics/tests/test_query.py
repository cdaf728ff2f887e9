"""Questions and answers, in memory."""

import asyncio

import httpx
import pytest
from analytics.app import build
from analytics.facts import Facts, lines

APP = build("analytics-test", Facts(), {"0195f7a0-0000-7000-8000-00000000ac3e": "acme"})


def get(path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(send())


def rows(path: str) -> dict[str, int]:
    return {row["key"]: row["value"] for row in get(path).json()["rows"]}


def test_facts_are_the_same_every_time_and_differ_between_tenants():
    assert list(lines("acme")) == list(lines("acme"))
    assert rows("/query?metric=revenue&tenant=acme") != rows("/query?metric=revenue&tenant=globex")


@pytest.mark.parametrize("group_by", ["day", "product", "country"])
@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_groups_add_up_to_the_whole(group_by: str, tenant: str):
    whole = rows(f"/query?metric=revenue&tenant={tenant}")["all"]
    groups = rows(f"/query?metric=revenue&tenant={tenant}&group_by={group_by}")
    assert sum(groups.values()) == whole == sum(line[-1] for line in lines(tenant))


def test_the_average_is_revenue_over_orders_within_the_days_asked():
    span = "tenant=acme&from=2025-03-01&to=2025-03-31"
    revenue, orders, average = (
        rows(f"/query?metric={metric}&{span}")["all"] for metric in ("revenue", "orders", "average_order")
    )
    assert average == round(revenue / orders)
    assert len(rows(f"/query?metric=orders&group_by=day&{span}")) == 31


def test_days_without_facts_are_zero():
    span = "from=1999-01-01&to=1999-12-31"
    assert rows(f"/query?metric=average_order&tenant=acme&{span}") == {"all": 0}
    assert rows(f"/query?metric=revenue&group_by=day&tenant=acme&{span}") == {}


def test_every_mistake_is_reported_at_once():
    answer = get("/query?metric=profit&group_by=moon&from=tomorrow&color=red&tenant=acme")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["parameter"] for error in answer.json()["errors"]] == ["color", "metric", "group_by", "from"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/query?tenant=acme", 422, "invalid"),
        ("/query?metric=orders", 422, "invalid"),
        ("/query?metric=orders&tenant=acme&from=2025-02-01&to=2025-01-01", 422, "invalid"),
        ("/query?metric=orders&tenant=initech", 404, "not_found"),
        ("/metrics/live?tenant=acme&interval=0", 422, "invalid"),
        ("/nowhere", 404, "not_found"),
    ],
)
def test_refusals_are_problems(path: str, status: int, code: str):
    answer = get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_tenant_the_gateway_states_rules():
    path = "/query?metric=orders"
    alias = {"x-tenant-id": "0195f7a0-0000-7000-8000-00000000ac3e"}
    assert get(path, {"x-tenant-id": "acme"}).json() == get(path, alias).json()
    assert get(f"{path}&tenant=acme", alias).status_code == 200
    assert get(f"{path}&tenant=globex", alias).status_code == 403
