"""Failures as HTTP says them: problem+json (RFC 9457), one clear sentence each, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from firnline.errors import FirnlineError

log = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 # what HTTP calls it
    """An answer that is no success.

    Parameters
    ----------
    status
        The HTTP status.
    detail
        What is wrong and what to do, in a sentence.
    more
        Further members of the problem, as the conflicts of a 412.
    """

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more = status, detail, more


class NotFound(Problem):
    """Nothing has that id."""

    def __init__(self, what: str) -> None:
        super().__init__(HTTPStatus.NOT_FOUND, f"there is no such {what}")


def answer(status: int, detail: str, more: Mapping[str, Any] | None = None) -> JSONResponse:
    """A problem as a response."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(content | dict(more or {}), status, media_type="application/problem+json")


def add_handlers(app: FastAPI) -> None:
    """Make every failure of the app a problem."""

    async def problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return answer(error.status, error.detail, jsonable_encoder(error.more))

    async def mistake(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, FirnlineError)
        return answer(HTTPStatus.UNPROCESSABLE_ENTITY, error.placeless)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        said = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        return answer(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(said))

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        response = answer(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; its log says how")

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(FirnlineError, mistake)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
