from __future__ import annotations

import asyncio
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI

from corpus.errors import IndexRefused, IndexUnavailable, LecternError, QueueFull
from service.http.errors import install_error_handlers
from service.http.middleware import ErrorShapeUnder, OwnHostsOnly, RequestId
from service.openai_api.errors import openai_shape


def application(error: Exception) -> FastAPI:
    app = FastAPI()
    install_error_handlers(app)

    async def fail() -> None:
        raise error

    app.add_api_route("/v1/models", fail)
    app.add_api_route("/v10/models", fail)
    app.add_middleware(OwnHostsOnly, allowed="")
    app.add_middleware(ErrorShapeUnder, prefix="/v1/", shape=openai_shape)
    app.add_middleware(RequestId)
    return app


def get(path: str, error: Exception, host: str = "localhost") -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application(error), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.get(path)

    return asyncio.run(send())


def openai_error(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


@pytest.mark.parametrize(
    ("error", "retry_after_s"), [(IndexUnavailable("Away."), "5"), (IndexRefused("400"), "60")]
)
def test_what_somebody_has_to_mend_first_is_asked_for_later(
    error: Exception, retry_after_s: str
) -> None:
    assert get("/v10/models", error).headers["Retry-After"] == retry_after_s


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (IndexUnavailable("Away."), 503, "index_unavailable"),
        (QueueFull("Full."), 429, "queue_full"),
        (ZeroDivisionError("a bug of ours"), 500, LecternError.code),
    ],
)
def test_an_error_is_told_in_the_shape_of_its_address(
    error: Exception, status: int, code: str
) -> None:
    theirs, ours = get("/v1/models", error), get("/v10/models", error)
    assert theirs.status_code == ours.status_code == status
    assert openai_error(theirs)["code"] == ours.json()["error"] == code
    assert set(ours.json()) == {"error", "detail", "hint", "request_id"}
    assert ("retry-after" in theirs.headers) is ("retry-after" in ours.headers) is (status != 500)
    assert "a bug of ours" not in theirs.text + ours.text


def test_what_no_endpoint_answers_has_the_shape_too() -> None:
    unused = ZeroDivisionError()
    assert openai_error(get("/v1/embeddings", unused))["code"] == "not_found"
    assert openai_error(get("/v1/models", unused, host="evil.example"))["code"] == (
        "host_not_allowed"
    )
    assert get("/v2/embeddings", unused).json()["error"] == "not_found"


def test_the_official_client_raises_what_it_names_so() -> None:
    async def ask() -> None:
        app = application(IndexUnavailable("The index is away."))
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app))
        client = openai.AsyncOpenAI(
            base_url="http://localhost/v1", api_key="none", http_client=http, max_retries=0
        )
        async with client:
            await client.models.list()

    with pytest.raises(openai.InternalServerError, match="The index is away") as raised:
        asyncio.run(ask())
    assert (raised.value.status_code, raised.value.code) == (503, "index_unavailable")
    assert raised.value.response.headers["retry-after"]
    assert raised.value.request_id
