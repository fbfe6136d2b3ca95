"""Files that somebody drops into Slack: which they are, and fetching them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from corpus.errors import BrokenFile, FileTooLarge, InvalidRequest, Unavailable
from corpus.originals.port import IncomingOriginal
from service.accepting import MIB
from service.slack.calling import SLACK_ERRORS, reason_of

PIECE_BYTES = 256 * 1024
FETCH_TIMEOUT = aiohttp.ClientTimeout(total=600.0, sock_connect=15.0, sock_read=30.0)
# Slack sends the bot's token along: to these hosts and to no other.
_SLACK_HOSTS = ("slack.com", "slack-files.com")
# Files that Slack only knows of, and those whose text is kept in another way.
_ELSEWHERE = {"external": "It is kept elsewhere: download it, and drop the file itself here."}
_LACKS_SCOPE = "The app lacks the scope files:read: add it, and install the app again."


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file as a message has it; `url` may be missing until Slack is asked for it."""

    id: str
    name: str
    size_bytes: int
    mode: str
    media_type: str
    url: str | None


def files_in(event: dict[str, Any]) -> tuple[DroppedFile, ...]:
    """The files of a message."""
    return tuple(_file(one) for one in event.get("files") or () if one.get("id"))


async def fetch(
    client: AsyncWebClient, file: DroppedFile, incoming: IncomingOriginal, *, max_bytes: int
) -> DroppedFile:
    """Write the file's bytes; the file as Slack knows it.

    Raises a `LecternError` that says why they cannot be had.
    """
    _refuse(file, max_bytes)
    try:
        if file.url is None:
            told = await client.files_info(file=file.id)
            file = _file(told["file"])
            _refuse(file, max_bytes)
        await _download(client, file, incoming)
    except SLACK_ERRORS as error:
        hint = _LACKS_SCOPE if reason_of(error) == "missing_scope" else "Drop it once more."
        detail = f"Slack did not give the file ({reason_of(error)})."
        raise Unavailable(detail, hint=hint) from error
    return file


def _refuse(file: DroppedFile, max_bytes: int) -> None:
    if file.mode in _ELSEWHERE:
        raise InvalidRequest("This is no file of Slack's.", hint=_ELSEWHERE[file.mode])
    if file.size_bytes > max_bytes:
        raise FileTooLarge(f"The file is larger than the {max_bytes // MIB} MiB accepted.")


async def _download(client: AsyncWebClient, file: DroppedFile, incoming: IncomingOriginal) -> None:
    if file.url is None or not _is_slacks(file.url, client.base_url):
        raise BrokenFile("Slack does not say where the file is.")
    assert client.session is not None  # noqa: S101 - the app has opened one
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.session.get(
        file.url,
        headers=headers,
        timeout=FETCH_TIMEOUT,
        allow_redirects=False,
        proxy=client.proxy,
    ) as reply:
        # Without the scope, Slack shows the page where people sign in.
        is_page = reply.content_type == "text/html" and file.media_type != "text/html"
        if reply.status in {301, 302, 303, 307, 308, 401, 403} or (reply.ok and is_page):
            raise Unavailable("Slack did not give the file.", hint=_LACKS_SCOPE)
        reply.raise_for_status()
        async for piece in reply.content.iter_chunked(PIECE_BYTES):
            await asyncio.to_thread(incoming.write, piece)


def _is_slacks(url: str, base_url: str) -> bool:
    asked, api = urlsplit(url), urlsplit(base_url)
    if (asked.scheme, asked.netloc) == (api.scheme, api.netloc):
        return True  # a proxy's, or a test's
    host = asked.hostname or ""
    return asked.scheme == "https" and any(
        host == one or host.endswith(f".{one}") for one in _SLACK_HOSTS
    )


def _file(told: dict[str, Any]) -> DroppedFile:
    return DroppedFile(
        id=told["id"],
        name=told.get("name") or told.get("title") or told["id"],
        size_bytes=int(told.get("size") or 0),
        mode=told.get("mode") or "hosted",
        media_type=told.get("mimetype") or "",
        url=told.get("url_private_download") or told.get("url_private"),
    )
