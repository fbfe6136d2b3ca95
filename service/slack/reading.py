"""Reading what somebody dropped: taken in, followed, and told of in one message that is edited."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from slack_sdk.web.async_client import AsyncWebClient

from corpus.access import Reader
from corpus.errors import LecternError
from corpus.names import clean_filename
from corpus.registry.documents import find_documents
from corpus.registry.uploads import Acceptance, Upload
from corpus.values import Document, Status
from service.accepting import MIB, accept_file
from service.asking.question import DEFAULT_COLLECTION
from service.parts import ServiceParts
from service.slack.calling import SLACK_ERRORS
from service.slack.dropped import DroppedFile, fetch
from service.slack.texts import plain

log = logging.getLogger("lectern.slack")

MAX_FILES = 20
LOOK_EVERY_S = 1.0
EDIT_EVERY_S = 3.0
# Reading goes on for as long as it takes; the message tells of it for so long.
FOLLOWED_S = 3_600.0

_STAGES = {
    Status.QUEUED: "waits for its turn",
    Status.PARSING: "is being read",
    Status.EMBEDDING: "is being understood",
    Status.INDEXING: "is being indexed",
}


@dataclass(slots=True)
class _Line:
    """One file: `failure` says why it was not taken in."""

    name: str
    document_id: str | None = None
    is_known: bool = False
    document: Document | None = None
    failure: str = ""

    @property
    def is_final(self) -> bool:
        return bool(self.failure) or (self.document is not None and self.document.status.is_final)

    def as_text(self) -> str:
        name = f"*{plain(self.name)}*"
        if self.failure:
            return f":x: {name}: {plain(self.failure)}"
        document = self.document
        if document is None:
            return f":hourglass_flowing_sand: {name} is being fetched."
        match document.status:
            case Status.READY:
                known = " It was here already." if self.is_known else ""
                return f":white_check_mark: {name}: {_pages(document)}, ready for questions.{known}"
            case Status.PARTIAL:
                warning = " ".join(document.warnings[:1])
                return f":warning: {name}: {_pages(document)}, but not all of it. {plain(warning)}"
            case Status.FAILED:
                error = document.error
                said = f"{error.detail} {error.hint}" if error else "It could not be read."
                return f":x: {name}: {plain(said)}"
            case _:
                share = f" ({document.progress.done} of {document.progress.total})"
                told = share if document.progress.total else ""
                return f":hourglass_flowing_sand: {name} {_STAGES[document.status]}{told}."


@dataclass(slots=True)
class ReadingFiles:
    """Takes the files of one message in, for `acl`, and follows them in its thread."""

    parts: ServiceParts
    client: AsyncWebClient
    channel: str
    thread_ts: str
    reader: Reader
    collection: str | None
    acl: tuple[str, ...]
    _lines: list[_Line] = field(default_factory=list)
    _ts: str | None = None
    _shown: str = ""
    _edited_s: float = 0.0

    async def read(self, files: Sequence[DroppedFile]) -> bool:
        """Whether any can be asked about now. Raises `SLACK_ERRORS` when nothing can be said."""
        taken, refused = files[:MAX_FILES], files[MAX_FILES:]
        self._lines = [_Line(one.name) for one in taken]
        many = f"{MAX_FILES} files are read of one message: drop it once more."
        self._lines += [_Line(one.name, failure=many) for one in refused]
        await self._show(now=True)
        for line, file in zip(self._lines, taken, strict=False):
            await self._take_in(line, file)
            await self._show()
        until_s = time.monotonic() + FOLLOWED_S
        while not all(line.is_final for line in self._lines) and time.monotonic() < until_s:
            await asyncio.sleep(LOOK_EVERY_S)
            with suppress(LecternError):  # the registry is away for a moment
                await asyncio.to_thread(self._look)
            await self._show()
        await self._show(now=True)
        return any(
            line.document is not None and line.document.live_version is not None
            for line in self._lines
        )

    async def _take_in(self, line: _Line, file: DroppedFile) -> None:
        try:
            accepted = await self._accepted(file)
        except LecternError as error:
            line.failure = f"{error.detail} {error.hint}".strip()
            return
        line.document, line.is_known = accepted.document, accepted.duplicate
        line.document_id = accepted.document.id

    async def _accepted(self, file: DroppedFile) -> Acceptance:
        max_bytes = self.parts.settings.max_file_mb * MIB
        name = clean_filename(file.name)
        upload = Upload(self.collection or DEFAULT_COLLECTION, name, acl=self.acl)
        files = self.parts.originals.receive()
        intake = await asyncio.to_thread(files.__enter__)
        try:
            incoming = await asyncio.to_thread(lambda: intake.new_file(max_bytes=max_bytes))
            try:
                await fetch(self.client, file, incoming, max_bytes=max_bytes)
            except BaseException:
                await asyncio.to_thread(incoming.discard)
                raise
            staged = await asyncio.to_thread(incoming.finish)
            return await asyncio.to_thread(accept_file, self.parts, staged, upload, self.reader)
        finally:
            await asyncio.shield(asyncio.to_thread(files.__exit__, None, None, None))

    def _look(self) -> None:
        waiting = [line for line in self._lines if line.document_id and not line.is_final]
        ids = [line.document_id for line in waiting if line.document_id]
        with self.parts.registry.read() as connection:
            found = find_documents(connection, ids, self.reader)
        known = {one.id: one for one in found}
        for line in waiting:
            line.document = known.get(line.document_id or "")
            if line.document is None:
                line.failure = "The document was deleted."

    async def _show(self, *, now: bool = False) -> None:
        """Edit the message where something changed, not too often unless `now`."""
        text = "\n".join(line.as_text() for line in self._lines)
        if text == self._shown or (not now and time.monotonic() - self._edited_s < EDIT_EVERY_S):
            return
        if self._ts is None:
            sent = await self.client.chat_postMessage(
                channel=self.channel, thread_ts=self.thread_ts, text=text, unfurl_links=False
            )
            self._ts = str(sent["ts"])
        else:
            try:
                await self.client.chat_update(channel=self.channel, ts=self._ts, text=text)
            except SLACK_ERRORS as error:
                if now:
                    raise
                log.info("Slack did not take how far reading is: %s", error)
                return
        self._shown, self._edited_s = text, time.monotonic()


def _pages(document: Document) -> str:
    return f"{document.pages} page{'' if document.pages == 1 else 's'}"
