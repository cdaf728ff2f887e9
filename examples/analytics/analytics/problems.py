"""Errors as application/problem+json (RFC 9457), with a stable `code`. Our own failures are logged and masked."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class Problem(Exception):
    """A request that cannot be answered, and what the caller is told."""

    def __init__(self, status: int, code: str, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.members = members


class Invalid(Problem):
    """Parameters that are wrong; `errors` has one entry for each."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__(422, "invalid", "the query has parameters that are wrong", errors=errors)


async def on_problem(_request: Request, problem: Problem) -> JSONResponse:
    return answer(problem)


async def on_http_exception(_request: Request, error: HTTPException) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    return answer(Problem(status, status.name.lower(), error.detail))


async def on_failure(_request: Request, _error: Exception) -> JSONResponse:
    """The server writes the traceback to the log."""
    return answer(Problem(500, "internal", "the backend failed, see its log"))


def answer(problem: Problem) -> JSONResponse:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": int(problem.status),
        "code": problem.code,
        "detail": problem.detail,
        **problem.members,
    }
    return JSONResponse(body, status_code=problem.status, media_type="application/problem+json")
