from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from corpus.settings import Settings
from service.http.hosts import host_name, names_beyond
from service.http.middleware import OwnHostsOnly, RequestId


def application() -> ASGIApp:
    allowed = " docs.example.org , [2001:db8::1]:8443,2001:DB8:0::2, fd00::3,"
    return RequestId(OwnHostsOnly(PlainTextResponse("passed"), allowed=allowed))


def request(headers: list[tuple[str, str]]) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/documents", headers=headers, content=b"x")

    return asyncio.run(send())


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8000",
        "127.0.0.1",
        "127.0.0.1:9999",
        "127.8.0.1:80",
        "[::1]",
        "[::1]:8000",
        "docs.example.org",
        "Docs.Example.Org:443",
        "[2001:db8::1]",
        "[2001:db8:0:0::1]:8000",
        "[2001:db8::2]:8000",
        "[FD00::3]",
    ],
)
def test_a_request_for_one_of_our_own_hosts_passes(host: str) -> None:
    assert request([("host", host)]).text == "passed"
    for scheme in ("http", "https"):
        assert request([("host", "localhost"), ("origin", f"{scheme}://{host}")]).text == "passed"


FOREIGN = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example@localhost",
    "localhost/evil.example",
    "sub.docs.example.org",
    "192.168.1.10:8000",
    "0.0.0.0",  # noqa: S104  an address that browsers let pages reach
    "[::]",
    "2001:db8::1",
    "",
]


@pytest.mark.parametrize("host", FOREIGN)
def test_a_request_for_another_host_is_refused(host: str) -> None:
    response = request([("host", host)])
    assert response.status_code == 403
    body = response.json()
    assert body["error"] == "host_not_allowed"
    assert "LECTERN_ALLOWED_HOSTS" in body["hint"]
    assert response.headers["x-request-id"] == body["request_id"]


@pytest.mark.parametrize(
    "origin",
    [*(f"http://{host}" for host in FOREIGN), "null", "file://", "localhost", "ftp://localhost"],
)
def test_a_request_from_a_page_of_another_host_is_refused(origin: str) -> None:
    response = request([("host", "localhost:8000"), ("origin", origin)])
    assert response.status_code == 403
    assert response.json()["error"] == "host_not_allowed"


def test_a_request_that_names_two_hosts_is_refused() -> None:
    assert request([("host", "localhost"), ("host", "evil.example")]).status_code == 403


def test_the_name_in_an_authority_has_no_port_and_no_brackets() -> None:
    assert host_name(" [::1]:80 ") == "::1"
    assert host_name("A.b:") == "a.b"
    assert host_name("a b") == ""


@pytest.mark.parametrize(
    ("said", "beyond"),
    [
        ({}, []),
        ({"host": "::1", "allowed_hosts": "localhost, 127.0.0.2:80,[::1]:8000,"}, []),
        ({"host": "0.0.0.0"}, ["0.0.0.0"]),  # noqa: S104
        ({"host": "::"}, ["::"]),
        ({"host": "lectern"}, ["lectern"]),
        ({"allowed_hosts": "Docs.example.org:443,localhost"}, ["docs.example.org"]),
        ({"allowed_hosts": "2001:db8::1"}, ["2001:db8::1"]),
    ],
)
def test_names_under_which_others_could_come_are_known(
    said: dict[str, str], beyond: list[str]
) -> None:
    assert names_beyond(Settings(_env_file=None, **said)) == beyond  # type: ignore[arg-type]
