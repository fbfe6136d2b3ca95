"""Originals in a bucket; what comes in, and what is read, passes through a folder of this machine.

Bytes are sent before the transaction that registers them begins, to the name that they are to have;
those that are there are read, and sent only where they are damaged. Within it, a question suffices:
are they still there? Only where a deletion of the same bytes came in between are they sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from corpus.errors import StorageUnavailable
from corpus.originals.bucket.copies import Copies
from corpus.originals.bucket.objects import BucketObjects
from corpus.originals.port import Intake, KeptOriginal, StagedOriginal
from corpus.originals.receiving import receiving, staged_from, storing
from corpus.originals.staging import Measured, claimed_folder, clear_left_over
from corpus.ownership import Ownership
from corpus.pinging import BoundedPing
from corpus.repeating import repeating

STALE_UPLOAD_S = 86_400.0  # no upload takes a day
EXPIRE_EVERY_S = 15.0

log = logging.getLogger("lectern.originals")


@dataclass(frozen=True, slots=True)
class _StagedObject:
    content_sha256: str
    size_bytes: int
    path: Path
    objects: BucketObjects
    ownership: Ownership

    def send_ahead(self, note: Callable[[], None]) -> bool:
        self.ownership.require()  # its owner would not know what it is
        if self.objects.has_whole(self.content_sha256, self.size_bytes):
            return False
        note()
        self.objects.send(self.content_sha256, self.path)
        return True

    def keep(self) -> None:
        self.ownership.require()
        if not self.objects.has(self.content_sha256, self.size_bytes):
            self.objects.send(self.content_sha256, self.path)


class BucketOriginals:
    """Originals in a bucket; uploads come in below `staging`."""

    def __init__(
        self,
        objects: BucketObjects,
        staging: Path,
        copies: Copies,
        ownership: Ownership,
        *,
        stale_upload_s: float = STALE_UPLOAD_S,
    ) -> None:
        self._objects = objects
        self._staging = staging
        self._copies = copies
        self._ownership = ownership
        self._stale_upload_s = stale_upload_s
        self._ping = BoundedPing(self._check, name="The bucket")

    def receive(self) -> AbstractContextManager[Intake]:
        """A folder below the staging one; a process that dies leaves it to `clear_staging`."""
        return receiving(self._staging, self._staged)

    def stage(self, source: BinaryIO, *, max_bytes: int) -> AbstractContextManager[StagedOriginal]:
        """Copy to the staging folder, measuring; removed at the end."""
        return staged_from(source, self.receive(), max_bytes=max_bytes)

    def local_copy(self, content_sha256: str) -> AbstractContextManager[Path]:
        """A copy that others may read too: do not write to it."""
        return self._copies.lent(
            content_sha256, lambda path: self._objects.fetch(content_sha256, path)
        )

    def delete(self, content_sha256: str) -> None:
        """Delete the object, and the copy of it that this process may have."""
        self._ownership.require()
        self._copies.forget(content_sha256)
        self._objects.delete(content_sha256)
        self._copies.forget(content_sha256)  # it may have been fetched meanwhile

    def kept(self) -> Iterator[KeptOriginal]:
        """Ask for a thousand at a time."""
        return self._objects.listed()

    def clear_staging(self) -> None:
        """Remove what interrupted uploads left: here, and of those in parts, in the bucket."""
        with storing("The file could not be removed"):
            clear_left_over(self._staging)
        try:
            self._ownership.require()
            ended = self._objects.abort_interrupted(after_s=self._stale_upload_s)
        except StorageUnavailable as error:
            # Not every server can list them, and some end them itself: no start waits for it.
            log.info("%s %s", error.detail, error.hint)
            return
        if ended:
            log.warning("%d uploads to the bucket that had been interrupted were removed", ended)

    def ping(self) -> None:
        """List one object, and be sure that the bucket is still ours, if it is to be changed.

        Raises `StoreOfAnother` too.
        """
        self._ping()

    def _check(self) -> None:
        self._objects.check()
        if not self._ownership.is_for_reading:
            self._ownership.require()

    def _staged(self, done: Measured) -> _StagedObject:
        return _StagedObject(
            done.sha256, done.size_bytes, done.path, self._objects, self._ownership
        )


@contextmanager
def opened_bucket(
    objects: BucketObjects, folder: Path, ownership: Ownership, *, limit_bytes: int
) -> Iterator[BucketOriginals]:
    """The store while the block runs, with `folder` of this machine for what passes through.

    Copies that nobody uses are kept for a minute, so many bytes of them.
    """
    with storing():
        folder.mkdir(parents=True, exist_ok=True)
    with claimed_folder(folder) as own:
        copies = Copies(own, limit_bytes=limit_bytes)
        with repeating(copies.expire, EXPIRE_EVERY_S, name="original-copies"):
            yield BucketOriginals(objects, folder, copies, ownership)
