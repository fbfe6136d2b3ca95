"""Fetching what Slack keeps: the bot's token goes along to Slack itself, and to nobody else.

On Enterprise Grid, files.slack.com sends on to files-origin.slack.com, which wants the token
again; an address at *.slack-edge.com is signed, and wants none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from corpus.errors import BrokenFile, Unavailable

LACKS_SCOPE = "The app lacks the scope files:read: add it, and install the app again."
MAX_REDIRECTS = 3
FETCH_TIMEOUT = aiohttp.ClientTimeout(total=600.0, sock_connect=15.0, sock_read=30.0)

# Slack's own. An address that redirects elsewhere is not followed there.
_WITH_TOKEN = ("slack.com", "slack-gov.com", "slack-files.com")
_WITHOUT_TOKEN = ("slack-edge.com",)
_REDIRECTS = {301, 302, 303, 307, 308}


@asynccontextmanager
async def opened(client: AsyncWebClient, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """What is at the address, after a few redirects at most.

    Raises `BrokenFile` where the way leads elsewhere, `Unavailable` where it leads to the page on
    which people sign in (as it does without the scope), and what the session does.
    """
    assert client.session is not None  # noqa: S101 - the app has opened one
    at = _address(url)
    for redirects in range(MAX_REDIRECTS + 1):
        headers = headers_for(at, client)
        if redirects and not _has_files(at):
            raise Unavailable("Slack did not give the file.", hint=LACKS_SCOPE)
        async with client.session.get(
            at,
            headers=headers,
            timeout=FETCH_TIMEOUT,
            allow_redirects=False,
            proxy=client.proxy,
        ) as reply:
            if reply.status not in _REDIRECTS:
                yield reply
                return
            at = at.join(_address(reply.headers.get("Location", "")))
    raise BrokenFile("Slack sends for the file from one address to the next.")


def headers_for(at: URL, client: AsyncWebClient) -> dict[str, str]:
    """The headers to ask there with. Raises `BrokenFile` where nothing is fetched from."""
    if at.host and at.user is None:
        if at.origin() == URL(client.base_url).origin():  # a proxy's, or a test's
            return _with_token(client)
        if at.scheme == "https" and _is_of(at.host, _WITH_TOKEN):
            return _with_token(client)
        if at.scheme == "https" and _is_of(at.host, _WITHOUT_TOKEN):
            return {}
    raise BrokenFile(f"The file is said to be at {at.host or 'no host'}, which is not Slack's.")


def _has_files(at: URL) -> bool:
    """Whether files are at this address; people sign in at acme.slack.com/?redir=/files/..."""
    host = at.host or ""
    return (
        host.startswith("files")
        or _is_of(host, ("slack-files.com", *_WITHOUT_TOKEN))
        or at.path.startswith("/files")
    )


def _with_token(client: AsyncWebClient) -> dict[str, str]:
    return {"Authorization": f"Bearer {client.token}"}


def _address(text: str) -> URL:
    try:
        return URL(text)
    except ValueError as error:
        raise BrokenFile("Slack does not say where the file is.") from error


def _is_of(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
