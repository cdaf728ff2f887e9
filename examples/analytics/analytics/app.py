"""The routes of `analytics`, in one table, and whose facts a request may see."""

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from . import live, queries
from .facts import TENANTS, Facts
from .problems import Invalid, Problem, on_failure, on_http_exception, on_problem


def build(name: str, facts: Facts, aliases: dict[str, str]) -> Starlette:
    """The application; set `state.stopping` to end its streams."""
    app = Starlette(
        routes=[
            Route("/query", query),
            Route("/metrics/live", metrics_live),
            Route("/healthz", healthz),
        ],
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_http_exception,
            Exception: on_failure,
        },
    )
    app.state.name = name
    app.state.facts = facts
    app.state.tenants = {tenant: tenant for tenant in TENANTS} | aliases
    app.state.stopping = asyncio.Event()
    return app


async def query(request: Request) -> JSONResponse:
    tenant = tenant_of(request)
    question = queries.Query.parse(request.query_params)
    return JSONResponse(await asyncio.to_thread(queries.run, request.app.state.facts, tenant, question))


async def metrics_live(request: Request) -> StreamingResponse:
    tenant = tenant_of(request)
    subscription = live.Subscription.parse(request.query_params, request.headers)
    state = request.app.state
    events = live.stream(state.facts, tenant, subscription, state.stopping)
    # `no-transform` and X-Accel-Buffering ask proxies on the way not to hold events back.
    headers = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "backend": request.app.state.name})


def tenant_of(request: Request) -> str:
    """The tenant of the caller as the gateway states it in X-Tenant-Id, or else as `tenant` says.

    Where both are given they must agree: a parameter never widens what the gateway allowed.
    """
    known: dict[str, str] = request.app.state.tenants
    stated, asked = request.headers.get("x-tenant-id"), request.query_params.get("tenant")
    if stated is None and asked is None:
        raise Invalid([queries.error("tenant", "missing", "say whose facts are meant")])
    tenants = {known.get(name, name) for name in (stated, asked) if name is not None}
    if len(tenants) > 1:
        raise Problem(403, "other_tenant", "the parameter names another tenant than the caller's")
    tenant = tenants.pop()
    if tenant not in TENANTS:
        raise Problem(404, "not_found", "there are no facts for this tenant")
    return tenant
