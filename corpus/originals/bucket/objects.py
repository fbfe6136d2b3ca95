"""One bucket's objects: sent whole, fetched whole or not at all."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from botocore.response import StreamingBody

from corpus.errors import OriginalMissing, StorageUnavailable
from corpus.originals.bucket.address import BucketAddress
from corpus.originals.bucket.client import TRIES, Clients
from corpus.originals.bucket.failures import bucket_errors, code_of
from corpus.originals.bucket.silence import Silence
from corpus.originals.port import KeptOriginal
from corpus.originals.receiving import storing

# Larger files go in parts, two at a time: what breaks off costs a part, not the file.
PART_BYTES = 16 << 20
SENDING = TransferConfig(
    multipart_threshold=2 * PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=2
)

PIECE_BYTES = 256 << 10
FETCH_LIMIT_S = 600.0  # a slow connection is one thing, a trickle that ties up a worker another

MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
# There was no S3 before: a server that does not know a time may say that it is year 1, or 1970.
_FIRST_TIME = datetime(2006, 1, 1, tzinfo=UTC)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAMAGED_HINT = "Upload the file again; look for what wrote to the bucket, or lost something of it."


class BucketObjects:
    """Objects named by the sha256 of their bytes. Errors: `StorageUnavailable`; threads may share.

    The names sort as the hashes do, and a bucket lists in the order of the names (UTF-8).
    """

    def __init__(self, address: BucketAddress, clients: Clients) -> None:
        self._address = address
        self._patient: Any = clients.patient
        self.short: Any = clients.short
        self._prefix = f"{address.prefix}originals/"
        self._silence = Silence()

    @property
    def shown(self) -> str:
        """Where they are, for people."""
        return self._address.shown

    @property
    def encryption(self) -> dict[str, str]:
        """What a request that puts an object says of it."""
        said = {
            "ServerSideEncryption": self._address.encryption,
            "SSEKMSKeyId": self._address.kms_key_id,
        }
        return {name: value for name, value in said.items() if value}

    def named(self, name: str) -> dict[str, str]:
        """The parameters of a request for the object of this name."""
        return {"Bucket": self._address.bucket, "Key": self._prefix + name}

    @contextmanager
    def asked(self, failure: str) -> Iterator[None]:
        """Errors of a request in the block, whose sentence begins with `failure`."""
        with self._silence.spared(), bucket_errors(self._address, failure):
            yield

    def check(self) -> None:
        """Return when the bucket answers, and lets us list it."""
        asked = {"Bucket": self._address.bucket, "Prefix": self._prefix, "MaxKeys": 1}
        try:
            with bucket_errors(self._address, "The bucket cannot be used"):
                self.short.list_objects_v2(**asked)
        except StorageUnavailable as error:
            self._silence.learn(error)
            raise
        self._silence.end()

    def keeps_versions(self) -> bool:
        """Whether what is deleted stays, as an older version; False where we may not ask."""
        try:
            with self.asked("The bucket cannot be asked for versions"):
                found = self.short.get_bucket_versioning(Bucket=self._address.bucket)
        except StorageUnavailable:
            return False
        return bool(found.get("Status") == "Enabled")

    def has(self, content_sha256: str, size_bytes: int) -> bool:
        """Whether there is an object of this size; of another it is a damaged one."""
        with self.asked("The bucket cannot be asked"):
            try:
                found = self.short.head_object(**self.named(content_sha256))
            except ClientError as error:
                if code_of(error) in MISSING:
                    return False
                raise
        return bool(found["ContentLength"] == size_bytes)

    def has_whole(self, content_sha256: str, size_bytes: int) -> bool:
        """Whether there is an object with these bytes, which is read if it has the size."""
        if not self.has(content_sha256, size_bytes):
            return False
        try:
            body = self._opened(content_sha256)
            with body:
                return _read(body, time.monotonic() + FETCH_LIMIT_S) == content_sha256
        except (OriginalMissing, BotoCoreError):
            return False  # sending it says whether the bucket is away

    def send(self, content_sha256: str, path: Path) -> None:
        """Put the file's bytes there; a broken off attempt leaves no object."""
        with storing(), bucket_errors(self._address, "The file could not be stored"):
            self._patient.upload_file(
                str(path),
                self._address.bucket,
                self._prefix + content_sha256,
                ExtraArgs=self.encryption,
                Config=SENDING,
            )

    def fetch(self, content_sha256: str, target: Path) -> None:
        """Write the object's bytes to the file `target`.

        Raises `OriginalMissing` when there is none, or its bytes are not those of its name.
        """
        broke_off: BotoCoreError | None = None
        deadline_s = time.monotonic() + FETCH_LIMIT_S
        for _ in range(TRIES):
            body = self._opened(content_sha256)
            try:
                with storing("The original could not be read"), target.open("wb") as file, body:
                    digest = _read(body, deadline_s, file)
            except BotoCoreError as error:
                broke_off = error
                continue
            if digest == content_sha256:
                return
            broke_off = None
        if broke_off is not None:
            with bucket_errors(self._address, "The original could not be read"):
                raise broke_off
        raise OriginalMissing(
            "The original in the bucket is damaged: its bytes are not those that were uploaded.",
            hint=_DAMAGED_HINT,
        )

    def delete(self, content_sha256: str) -> None:
        """Harmless when there is none."""
        with self.asked("The file could not be removed"):
            self.short.delete_object(**self.named(content_sha256))

    def listed(self) -> Iterator[KeptOriginal]:
        """All, in the order of their names, a thousand at a time."""
        pages = self._pages("list_objects_v2", "The originals could not be listed")
        for page in pages:
            for found in page.get("Contents", ()):
                name = found["Key"].removeprefix(self._prefix)
                if _SHA256.fullmatch(name):
                    yield KeptOriginal(name, max(0.0, _age_s(found["LastModified"])))

    def abort_interrupted(self, *, after_s: float) -> int:
        """End multipart uploads that began so long ago: their parts take space unseen. How many.

        Not every server says when each began (SeaweedFS 4.47 does not): those stay, because they
        may be under way.
        """
        count = 0
        for page in self._pages("list_multipart_uploads", "Broken off uploads were not listed"):
            for found in page.get("Uploads", ()):
                begun: datetime = found.get("Initiated", _FIRST_TIME)
                if begun <= _FIRST_TIME or _age_s(begun) < after_s:
                    continue
                with bucket_errors(self._address, "A broken off upload could not be removed"):
                    self._patient.abort_multipart_upload(
                        Bucket=self._address.bucket, Key=found["Key"], UploadId=found["UploadId"]
                    )
                count += 1
        return count

    def _opened(self, content_sha256: str) -> StreamingBody:
        with self.asked("The original could not be read"):
            try:
                return self._patient.get_object(**self.named(content_sha256))["Body"]
            except ClientError as error:
                if code_of(error) in MISSING:
                    raise OriginalMissing("The original is no longer stored.") from error
                raise

    def _pages(self, operation: str, failure: str) -> Iterator[dict[str, Any]]:
        with bucket_errors(self._address, failure):
            paginator = self._patient.get_paginator(operation)
            pages = iter(paginator.paginate(Bucket=self._address.bucket, Prefix=self._prefix))
        while True:
            with self.asked(failure):
                page = next(pages, None)
            if page is None:
                return
            yield page


def _age_s(then: datetime) -> float:
    return (datetime.now(UTC) - then).total_seconds()


def _read(body: StreamingBody, deadline_s: float, target: BinaryIO | None = None) -> str:
    """The sha256 of what came, which is written to `target`."""
    digest = hashlib.sha256()
    for piece in body.iter_chunks(PIECE_BYTES):
        digest.update(piece)
        if target is not None:
            target.write(piece)
        if time.monotonic() > deadline_s:
            raise ReadTimeoutError(endpoint_url="the bucket")
    return digest.hexdigest()
