"""Where a dropped file is fetched from, and who is given the bot's token on the way."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from corpus.errors import BrokenFile, Unavailable
from service.slack.downloading import MAX_REDIRECTS, headers_for, opened
from tests.certificates import of_loopback
from tests.doubles.serving import Handler, Serving

FILES, ORIGIN, EDGE = "files.slack.com", "files-origin.slack.com", "slack-imgs.slack-edge.com"
SIGN_IN = "acme.slack.com"
ELSEWHERE = "slack.com.evil.example"
TOKEN = "xoxb-1"  # noqa: S105
CONTENT = b"What was dropped."


class _Answers(Handler):
    double: Hosts

    def answer(self) -> None:
        host = self.headers["Host"].partition(":")[0]
        self.double.asked.append((host, self.headers.get("Authorization")))
        if (target := self.double.redirects.get(host)) is not None:
            self.reply(302, b"", headers={"Location": target})
        else:
            self.reply(200, CONTENT, "text/plain")


class Hosts(Serving):
    """All of these names on loopback; `redirects` says which ones send elsewhere, and where."""

    def __init__(self, tls: ssl.SSLContext, authority: Path) -> None:
        super().__init__(_Answers, tls=tls)
        self.trust = ssl.create_default_context(cafile=str(authority))
        self.asked: list[tuple[str, str | None]] = []
        self.redirects: dict[str, str] = {}

    def at(self, host: str, scheme: str = "https") -> str:
        return f"{scheme}://{host}:{URL(self.root_url).port}/F1"

    def fetched(self) -> bytes:
        async def run() -> bytes:
            connector = aiohttp.TCPConnector(resolver=_Loopback(), ssl=self.trust)
            async with aiohttp.ClientSession(connector=connector) as session:
                client = AsyncWebClient(TOKEN, session=session)
                async with opened(client, self.at(FILES)) as reply:
                    return await reply.read()

        return asyncio.run(run())


class _Loopback(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with Hosts(*of_loopback(tmp_path, FILES, ORIGIN, EDGE, SIGN_IN, ELSEWHERE)) as hosts:
        yield hosts


def test_an_organisations_files_are_fetched_with_the_token_from_where_they_are(
    hosts: Hosts,
) -> None:
    hosts.redirects = {FILES: hosts.at(ORIGIN)}
    assert hosts.fetched() == CONTENT
    assert hosts.asked == [(FILES, f"Bearer {TOKEN}"), (ORIGIN, f"Bearer {TOKEN}")]


def test_a_signed_address_is_not_given_the_token(hosts: Hosts) -> None:
    hosts.redirects = {FILES: hosts.at(EDGE)}
    assert hosts.fetched() == CONTENT
    assert hosts.asked == [(FILES, f"Bearer {TOKEN}"), (EDGE, None)]


@pytest.mark.parametrize(("host", "scheme"), [(ELSEWHERE, "https"), (ORIGIN, "http")])
def test_nobody_else_is_asked(hosts: Hosts, host: str, scheme: str) -> None:
    hosts.redirects = {FILES: hosts.at(host, scheme)}
    with pytest.raises(BrokenFile, match="not Slack's"):
        hosts.fetched()
    assert [asked for asked, _ in hosts.asked] == [FILES]


def test_the_page_where_people_sign_in_is_no_file(hosts: Hosts) -> None:
    sign_in = URL(hosts.at(SIGN_IN)).with_path("/")
    hosts.redirects = {FILES: str(sign_in.with_query(redir="/files-pri/T1-F1/page.html"))}
    with pytest.raises(Unavailable) as refused:
        hosts.fetched()
    assert "files:read" in refused.value.hint
    assert [asked for asked, _ in hosts.asked] == [FILES]
    # Older addresses of files have the same host.
    hosts.redirects = {FILES: str(sign_in.with_path("/files/U1/F1/page.html"))}
    assert hosts.fetched() == CONTENT


def test_redirects_come_to_an_end(hosts: Hosts) -> None:
    hosts.redirects = {FILES: hosts.at(ORIGIN), ORIGIN: "/F1"}
    with pytest.raises(BrokenFile, match="one address to the next"):
        hosts.fetched()
    assert len(hosts.asked) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("address", "has_token"),
    [
        ("https://slack.com/f", True),
        ("https://files.slack-gov.com/f", True),
        ("https://slack-edge.com/f", False),
        ("https://a.slack-edge.com/f", False),
        ("http://files.slack.com/f", None),
        ("https://notslack.com/f", None),
        ("https://files.slack.com@evil.example/f", None),
        ("https://me@files.slack.com/f", None),
        ("/f", None),
        ("mailto:me", None),
    ],
)
def test_the_token_is_slacks_alone(address: str, *, has_token: bool | None) -> None:
    client = AsyncWebClient(TOKEN)
    if has_token is None:
        with pytest.raises(BrokenFile):
            headers_for(URL(address), client)
    else:
        assert ("Authorization" in headers_for(URL(address), client)) is has_token
