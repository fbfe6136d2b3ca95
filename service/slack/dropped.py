"""Files that somebody drops into Slack: which they are, and fetching them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.errors import BrokenFile, FileTooLarge, InvalidRequest, Unavailable
from corpus.originals.port import IncomingOriginal
from service.accepting import MIB
from service.slack.calling import SLACK_ERRORS, reason_of
from service.slack.downloading import LACKS_SCOPE, opened

PIECE_BYTES = 256 * 1024
# Of files that Slack only knows of, and of what it shows as a page: what they are, and what helps.
_AS_PDF = "Export it as PDF, and drop that here."
_NO_FILES = {
    "external": ("no file of Slack's", "It is kept elsewhere: download it, and drop that here."),
    "list": ("a list of Slack's, not a file", _AS_PDF),
} | dict.fromkeys(("canvas", "quip", "docs"), ("a canvas of Slack's, not a file", _AS_PDF))
_AGAIN = "Drop it once more."


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
        hint = LACKS_SCOPE if reason_of(error) == "missing_scope" else _AGAIN
        detail = f"Slack did not give the file ({reason_of(error)})."
        raise Unavailable(detail, hint=hint) from error
    return file


def _refuse(file: DroppedFile, max_bytes: int) -> None:
    if file.mode in _NO_FILES:
        what, hint = _NO_FILES[file.mode]
        raise InvalidRequest(f"This is {what}.", hint=hint)
    if file.size_bytes > max_bytes:
        raise FileTooLarge(f"The file is larger than the {max_bytes // MIB} MiB accepted.")


async def _download(client: AsyncWebClient, file: DroppedFile, incoming: IncomingOriginal) -> None:
    if file.url is None:
        raise BrokenFile("Slack does not say where the file is.")
    async with opened(client, file.url) as reply:
        # Without the scope, Slack may show the page where people sign in.
        is_page = reply.content_type == "text/html" and file.media_type != "text/html"
        if is_page and (reply.ok or reply.status in {401, 403}):
            raise Unavailable("Slack did not give the file.", hint=LACKS_SCOPE)
        if not reply.ok:
            raise Unavailable(f"Slack did not give the file ({reply.status}).", hint=_AGAIN)
        async for piece in reply.content.iter_chunked(PIECE_BYTES):
            await asyncio.to_thread(incoming.write, piece)


def _file(told: dict[str, Any]) -> DroppedFile:
    return DroppedFile(
        id=told["id"],
        name=told.get("name") or told.get("title") or told["id"],
        size_bytes=int(told.get("size") or 0),
        mode=told.get("mode") or "hosted",
        media_type=told.get("mimetype") or "",
        url=told.get("url_private_download") or told.get("url_private"),
    )
