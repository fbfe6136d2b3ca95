"""The object that says whose a bucket is, beside the originals: an id in plain text."""

from __future__ import annotations

from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from corpus.originals.bucket.failures import code_of
from corpus.originals.bucket.objects import MISSING, BucketObjects
from corpus.ownership import Installation

NAME = "installation"
LOOKED_AT = 1000  # originals: one page of a listing

# What is there already, or is being written at this moment.
_TAKEN = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
# Servers that know no conditions; some others ignore them. It is read again in any case.
_UNKNOWN = frozenset({"501", "NotImplemented", "400", "InvalidArgument", "InvalidRequest"})


class BucketMark:
    """The `Mark` of a bucket, or of a prefix in it. Errors: `StorageUnavailable`."""

    setting = "BLOB_URL"

    def __init__(self, objects: BucketObjects) -> None:
        self._objects = objects

    @property
    def store(self) -> str:
        """The bucket with its prefix."""
        return f"The bucket {self._objects.shown}"

    def read(self) -> str | None:
        """Whose it is; None when it is not marked."""
        with self._objects.asked("The bucket cannot be asked whose it is"):
            try:
                found = self._objects.short.get_object(**self._objects.named(NAME))
                content: bytes = found["Body"].read()
            except ClientError as error:
                if code_of(error) in MISSING:
                    return None
                raise
        return content.decode(errors="replace").strip() or None

    def set_if_missing(self, installation_id: str) -> str | None:
        """Mark it, unless somebody was quicker; whose it is then."""
        try:
            self._put(installation_id, IfNoneMatch="*")
        except _RefusedError as refusal:
            if refusal.code not in _TAKEN:
                self._put(installation_id)
        return self.read()

    def replace(self, installation_id: str) -> None:
        """Mark it, whoever's it was."""
        self._put(installation_id)

    def has_only_unknown(self, installation: Installation) -> bool:
        """Whether the registry knows none of the first originals, if there are any."""
        first = [one.content_sha256 for one in islice(self._objects.listed(), LOOKED_AT)]
        return bool(first) and not installation.knows_originals(first)

    def _put(self, installation_id: str, **condition: Any) -> None:  # noqa: ANN401  boto3's
        with self._objects.asked("The bucket cannot be marked"):
            try:
                self._objects.short.put_object(
                    **self._objects.named(NAME),
                    **self._objects.encryption,
                    **condition,
                    Body=installation_id.encode(),
                    ContentType="text/plain",
                )
            except ClientError as error:
                if condition and code_of(error) in _TAKEN | _UNKNOWN:
                    raise _RefusedError(code_of(error)) from error
                raise


class _RefusedError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
