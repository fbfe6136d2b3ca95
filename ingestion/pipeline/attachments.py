"""From the files that a parser took out of a document to children that can be registered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from corpus.errors import EmptyFile, FileTooLarge, UnknownFileKind
from corpus.kinds.recognition import detect_kind
from corpus.originals.port import OriginalStore, StagedOriginal
from corpus.registry.children import Child
from corpus.registry.database.engine import Registry
from corpus.registry.loose_originals import noting
from corpus.registry.new_versions import Content
from corpus.reports import ReadingWarning
from ingestion.parsing.mail.attached import NO_ROOM, left_out_warnings
from ingestion.parsing.parsed import Attachment
from ingestion.parsing.sandbox.scratch import Scratch

REASONS = {
    EmptyFile: "empty",
    FileTooLarge: "larger than the mail they are in",
    UnknownFileKind: "of no kind that is read here",
}


@dataclass(frozen=True, slots=True)
class StagedChildren:
    """Attachments that can become documents, and a warning for each reason why others cannot."""

    children: tuple[Child, ...]
    originals: tuple[StagedOriginal, ...]
    warnings: tuple[ReadingWarning, ...]

    def send_ahead(self, registry: Registry) -> list[str]:
        """Do what takes long of `keep`; the sha256 of what was sent, which the registry notes."""
        return [
            original.content_sha256
            for original in self.originals
            if original.send_ahead(noting(registry, original.content_sha256))
        ]

    def keep(self) -> None:
        """Make the originals durable; within the transaction that registers the children."""
        for original in self.originals:
            original.keep()


@contextmanager
def staged_children(
    originals: OriginalStore, scratch: Scratch, attachments: Sequence[Attachment], *, room: int
) -> Iterator[StagedChildren]:
    """Receive up to `room` attachments as uploads are: measured, recognised, in their order.

    What is not kept is gone at the end. Raises `StorageUnavailable` when they cannot be written.
    """
    children: list[Child] = []
    staged: list[StagedOriginal] = []
    left_out: dict[str, list[str]] = defaultdict(list)
    with ExitStack() as stack:
        for attachment in attachments:
            if len(children) == room:
                left_out[NO_ROOM].append(attachment.filename)
                continue
            try:
                original = stack.enter_context(_staged(originals, scratch, attachment))
                kind = detect_kind(original.path, attachment.filename)
            except tuple(REASONS) as error:
                left_out[REASONS[type(error)]].append(attachment.filename)
                continue
            content = Content(original.content_sha256, original.size_bytes, kind.media_type)
            children.append(Child(attachment.filename, content))
            staged.append(original)
        yield StagedChildren(tuple(children), tuple(staged), left_out_warnings(left_out))


@contextmanager
def _staged(
    originals: OriginalStore, scratch: Scratch, attachment: Attachment
) -> Iterator[StagedOriginal]:
    path = scratch.written(attachment.scratch_name)
    if path is None:
        raise EmptyFile(f"There is nothing in {attachment.filename}.")
    with ExitStack() as stack:
        with path.open("rb") as source:
            original = stack.enter_context(originals.stage(source, max_bytes=scratch.limit_bytes))
        yield original
