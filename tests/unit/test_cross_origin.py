from __future__ import annotations

import asyncio

import httpx
import pytest
from pydantic import ValidationError
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from corpus.errors import Misconfigured
from corpus.settings import Settings
from service.http.cross_origin import CrossOrigin, origins_in
from service.http.middleware import OwnHostsOnly, RequestId, Unexpected

FRONTEND = "http://localhost:5173"
APP = "https://app.example.org"
IPV6 = "http://[2001:db8::1]:5173"
PASSED = PlainTextResponse("passed")


async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RuntimeError("nobody foresaw this")


def application(setting: str, inside: ASGIApp) -> ASGIApp:
    origins = origins_in(setting)
    inside = CrossOrigin(Unexpected(inside), origins=origins)
    return RequestId(OwnHostsOnly(inside, allowed="", origins=origins))


def request(
    origin: str,
    *,
    setting: str = f"{FRONTEND} , {APP}, {IPV6}",
    preflight: bool = False,
    inside: ASGIApp = PASSED,
) -> httpx.Response:
    headers = {"origin": origin}
    if preflight:
        headers["access-control-request-method"] = "PATCH"
        headers["access-control-request-headers"] = "content-type"

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application(setting, inside))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request("OPTIONS" if preflight else "GET", "/", headers=headers)

    return asyncio.run(send())


@pytest.mark.parametrize("origin", [FRONTEND, APP, IPV6])
def test_a_page_of_a_named_origin_may_ask_and_read(origin: str) -> None:
    asked_first = request(origin, preflight=True)
    assert asked_first.status_code == 200
    assert asked_first.headers["access-control-allow-origin"] == origin
    assert "PATCH" in asked_first.headers["access-control-allow-methods"]
    assert asked_first.headers["access-control-allow-headers"] == "content-type"
    answered = request(origin)
    assert answered.text == "passed"
    assert answered.headers["access-control-allow-origin"] == origin
    assert "X-Request-ID" in answered.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answered.headers
    assert answered.headers["vary"] == "Origin"


def test_a_page_can_read_that_something_failed() -> None:
    failed = request(FRONTEND, inside=failing)
    assert (failed.status_code, failed.json()["error"]) == (500, "internal_error")
    assert failed.headers["access-control-allow-origin"] == FRONTEND
    assert failed.json()["request_id"] == failed.headers["x-request-id"]
    assert "foresaw" not in failed.text


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://app.example.org", f"{APP}:8443", f"{APP}.evil.example"],
)
def test_a_page_of_another_origin_is_refused_as_before(origin: str) -> None:
    for preflight in (False, True):
        refused = request(origin, preflight=preflight)
        assert refused.status_code == 403
        assert refused.json()["error"] == "host_not_allowed"
        assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("origin", ["http://localhost:5174", "https://localhost:5173"])
def test_a_page_of_this_machine_that_nobody_named_gets_no_permission(origin: str) -> None:
    for setting in ("", FRONTEND):
        for preflight in (False, True):
            headers = request(origin, setting=setting, preflight=preflight).headers
            assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "setting", ["*", "null", "localhost:5173", "http://", f"{FRONTEND}/", f"{FRONTEND} {APP}"]
)
def test_what_is_no_origin_cannot_be_set(setting: str) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, cors_origins=setting)


def test_one_several_and_none_can_be_set() -> None:
    for setting in ("", FRONTEND, f"{FRONTEND},{APP}", f"{FRONTEND} , {APP}"):
        assert Settings(_env_file=None, cors_origins=setting).cors_origins == setting


def test_an_origin_is_known_however_it_is_written() -> None:
    written = "HTTPS://App.example.org/, http://a.example:80 ,https://b.example:8443"
    assert origins_in(written) == {APP, "http://a.example", "https://b.example:8443"}
    assert origins_in(" , ") == frozenset()


@pytest.mark.parametrize("setting", ["app.example.org", "null", f"{APP}/path", "ftp://a", "*"])
def test_what_can_match_no_page_is_refused_at_the_start(setting: str) -> None:
    with pytest.raises(Misconfigured, match="no origin"):
        origins_in(setting)
