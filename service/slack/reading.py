"""Reading what somebody dropped: taken in, followed, and told of in one message that is edited."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

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
from service.slack.calling import HOPELESS, SLACK_ERRORS, patient, reason_of, retry_after_s
from service.slack.dropped import DroppedFile, fetch
from service.slack.pace import Pace
from service.slack.texts import MAX_SECTION_CHARS, plain, section

log = logging.getLogger("lectern.slack")

MAX_FILES = 20
LOOK_EVERY_S = 1.0
EDIT_EVERY_S = 3.0
# Reading goes on for as long as it takes; the message tells of it for so long.
FOLLOWED_S = 3_600.0
# When the service ends, for one more edit.
LAST_EDIT_S = 1.0
# The last edit is tried again so long after each refusal, or as long as Slack says.
AGAIN_AFTER_S = (2.0, 8.0, 30.0, 120.0, 600.0)
# With these it would be in vain.
NOT_EDITABLE = HOPELESS | {"message_not_found", "cant_update_message", "edit_window_closed"}
# Of what one line says; longer names and reasons are cut.
MAX_NAME_CHARS = 80
MAX_REASON_CHARS = 300

STOPPED = "Fetching it was stopped: drop it once more."
GOES_ON = "Reading goes on; ask me later."

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
        name = f"*{plain(_cut(self.name, MAX_NAME_CHARS))}*"
        if self.failure:
            return f":x: {name}: {plain(_cut(self.failure, MAX_REASON_CHARS))}"
        document = self.document
        if document is None:
            return f":hourglass_flowing_sand: {name} is being fetched."
        match document.status:
            case Status.READY:
                known = " It was here already." if self.is_known else ""
                return f":white_check_mark: {name}: {_pages(document)}, ready for questions.{known}"
            case Status.PARTIAL:
                warning = _cut(" ".join(document.warnings[:1]), MAX_REASON_CHARS)
                return f":warning: {name}: {_pages(document)}, but not all of it. {plain(warning)}"
            case Status.FAILED:
                error = document.error
                said = f"{error.detail} {error.hint}" if error else "It could not be read."
                return f":x: {name}: {plain(_cut(said, MAX_REASON_CHARS))}"
            case _:
                share = f" ({document.progress.done} of {document.progress.total})"
                told = share if document.progress.total else ""
                return f":hourglass_flowing_sand: {name} {_STAGES[document.status]}{told}."


@dataclass(slots=True, eq=False)
class ReadingFiles:
    """Takes the files of one message in, for `acl`, and follows them in its thread.

    `fetching` bounds how many are fetched at once, over all messages. The client is its own: what
    it waits for Slack's limits is none of the answer's patience.
    """

    parts: ServiceParts
    client: AsyncWebClient
    channel: str
    thread_ts: str
    reader: Reader
    collection: str | None
    acl: tuple[str, ...]
    fetching: asyncio.Semaphore
    pace: Pace
    _lines: list[_Line] = field(default_factory=list)
    _ending: str = ""
    _ts: str | None = None
    _shown: str = ""
    _edited_s: float = 0.0
    _refusal: BaseException | None = None  # of the last edit

    @property
    def is_told(self) -> bool:
        """Whether how it is stands there."""
        return self._refusal is None

    async def read(self, files: Sequence[DroppedFile]) -> bool:
        """Whether any can be asked about now. Raises `SLACK_ERRORS` when nothing can be said.

        Cancelled, it says that reading goes on, and of what was not fetched that it is not.
        """
        try:
            await self._read(files)
        except asyncio.CancelledError:
            with suppress(*SLACK_ERRORS):
                async with asyncio.timeout(LAST_EDIT_S):
                    await self._say_what_is_stopped()
            raise
        finally:
            self.pace.end(self)
        return any(
            line.document is not None and line.document.live_version is not None
            for line in self._lines
        )

    async def tell_again(self) -> None:
        """Make up for the last edit, which Slack did not take; for some minutes at most."""
        try:
            for pause_s in AGAIN_AFTER_S:
                if self._refusal is None or reason_of(self._refusal) in NOT_EDITABLE:
                    return
                await asyncio.sleep(max(pause_s, retry_after_s(self._refusal) or 0.0))
                self.client = patient(self.client)
                await self._show(now=True)
                self.pace.end(self)
        except asyncio.CancelledError:
            with suppress(*SLACK_ERRORS):
                async with asyncio.timeout(LAST_EDIT_S):
                    await self._show(now=True)
            raise

    async def _read(self, files: Sequence[DroppedFile]) -> None:
        taken, refused = files[:MAX_FILES], files[MAX_FILES:]
        self._lines = [_Line(one.name) for one in taken]
        many = f"{MAX_FILES} files are read of one message: drop it once more."
        self._lines += [_Line(one.name, failure=many) for one in refused]
        until_s = time.monotonic() + FOLLOWED_S
        await self._show(now=True)
        for line, file in zip(self._lines, taken, strict=False):
            await self._take_in(line, file)
            await self._show()
        while not all(line.is_final for line in self._lines):
            if time.monotonic() > until_s:
                await self._say_that_it_goes_on()
                return
            await asyncio.sleep(LOOK_EVERY_S)
            with suppress(LecternError):  # the registry is away for a moment
                await asyncio.to_thread(self._look)
            await self._show()
        await self._show(now=True)

    async def _say_what_is_stopped(self) -> None:
        for line in self._lines:
            if line.document_id is None and not line.failure:
                line.failure = STOPPED
        await self._say_that_it_goes_on()

    async def _say_that_it_goes_on(self) -> None:
        is_read = any(line.document_id and not line.is_final for line in self._lines)
        self._ending = GOES_ON if is_read else ""
        await self._show(now=True)

    async def _take_in(self, line: _Line, file: DroppedFile) -> None:
        try:
            async with self.fetching:
                accepted = await self._accepted(line, file)
        except LecternError as error:
            line.failure = f"{error.detail} {error.hint}".strip()
            return
        line.document, line.is_known = accepted.document, accepted.duplicate
        line.document_id = accepted.document.id

    async def _accepted(self, line: _Line, file: DroppedFile) -> Acceptance:
        max_bytes = self.parts.settings.max_file_mb * MIB
        files = self.parts.originals.receive()
        intake = await asyncio.to_thread(files.__enter__)
        try:
            incoming = await asyncio.to_thread(lambda: intake.new_file(max_bytes=max_bytes))
            try:
                file = await fetch(self.client, file, incoming, max_bytes=max_bytes)
            except BaseException:
                await asyncio.to_thread(incoming.discard)
                raise
            line.name = file.name
            name = clean_filename(file.name)
            upload = Upload(self.collection or DEFAULT_COLLECTION, name, acl=self.acl)
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
        """Edit the message where something changed, not too often unless `now`.

        Raises `SLACK_ERRORS` while there is none; an edit that fails is made up for by the next.
        """
        text = _bounded([*(line.as_text() for line in self._lines), *filter(None, [self._ending])])
        if text == self._shown:
            self._refusal = None
            return
        self.pace.begin(self)
        every_s = self.pace.every_s(EDIT_EVERY_S)
        if not now and time.monotonic() - self._edited_s < every_s:
            return
        self._edited_s = time.monotonic()
        # `text` is for notifications; in the block, a file's name becomes no link.
        said: dict[str, Any] = {"channel": self.channel, "text": text, "blocks": [section(text)]}
        if self._ts is None:
            sent = await self.client.chat_postMessage(
                **said, thread_ts=self.thread_ts, unfurl_links=False
            )
            self._ts = str(sent["ts"])
        else:
            try:
                await self.client.chat_update(**said, ts=self._ts)
            except SLACK_ERRORS as error:
                log.info("Slack did not take how far reading is: %s", reason_of(error))
                self._refusal = error
                return
        self._refusal = None
        self._shown, self._edited_s = text, time.monotonic()
        self.pace.end(self)  # until something changes, others may write the more often


def _bounded(lines: Sequence[str]) -> str:
    """As many lines as a message takes, and how many more there are."""
    text = "\n".join(lines)
    if len(text) <= MAX_SECTION_CHARS:
        return text
    left = len(lines)
    while left and len(text) > MAX_SECTION_CHARS:
        left -= 1
        text = "\n".join([*lines[:left], f"… and {len(lines) - left} more."])
    return text


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


def _pages(document: Document) -> str:
    return f"{document.pages} page{'' if document.pages == 1 else 's'}"
