"""Which store of originals the settings ask for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from corpus.errors import StorageUnavailable
from corpus.originals.folder import FolderOriginals
from corpus.originals.port import OriginalStore
from corpus.ownership import Installation, Ownership
from corpus.settings import Settings

if TYPE_CHECKING:
    from corpus.originals.bucket.objects import BucketObjects

FOLDER = "originals"
PASSING_FOLDER = "passing"  # on their way to a bucket, and from it
COPIES_BYTES = 1 << 30

log = logging.getLogger("lectern.originals")


@contextmanager
def opened_originals(
    settings: Settings,
    installation: Installation | None = None,
    *,
    is_checked: bool = True,
    may_be_away: bool = False,
    copies_bytes: int = COPIES_BYTES,
) -> Iterator[OriginalStore]:
    """The bucket at `blob_url` if that is set, else a folder in the data folder.

    A bucket is the `installation`'s, and marked so where it is nobody's; of another's this raises
    `StoreOfAnother`, or where that was not checked, what would change it. Without an installation
    it is only read.

    Of a bucket's originals, `copies_bytes` are kept on this machine for a minute after their use.
    Raises `Misconfigured` for what is no bucket's URL, and `StorageUnavailable` when the bucket
    cannot be used; unless `is_checked`, who uses it finds that out. With `may_be_away` one that
    does not answer, or is busy, is only told of in the log: it is expected to come back.
    """
    if settings.blob_url is None:
        folder = settings.data_dir / FOLDER
        yield FolderOriginals(folder, is_shared=not settings.originals_are_ours)
        return
    from corpus.originals.bucket.mark import BucketMark  # noqa: PLC0415
    from corpus.originals.bucket.store import opened_bucket  # noqa: PLC0415  loads boto3

    objects = _objects(settings.blob_url, settings)
    ownership = Ownership(BucketMark(objects), installation)
    if is_checked:
        _check(objects, None if installation is None else ownership, may_be_away=may_be_away)
    folder = settings.data_dir / PASSING_FOLDER
    with opened_bucket(objects, folder, ownership, limit_bytes=copies_bytes) as originals:
        yield originals


def bucket_ownership(settings: Settings, installation: Installation | None) -> Ownership | None:
    """Whose the bucket is; None without one. Errors as `opened_originals`; asks nothing yet."""
    if settings.blob_url is None:
        return None
    from corpus.originals.bucket.mark import BucketMark  # noqa: PLC0415  loads boto3

    return Ownership(BucketMark(_objects(settings.blob_url, settings)), installation)


def _check(objects: BucketObjects, ownership: Ownership | None, *, may_be_away: bool) -> None:
    from corpus.originals.bucket.failures import is_away  # noqa: PLC0415  loads boto3

    try:
        objects.check()
        if ownership is not None:
            ownership.require()
    except StorageUnavailable as error:
        if not may_be_away or not is_away(error):
            raise
        log.warning("%s %s Uploads fail and files wait until it is back.", error.detail, error.hint)


def check_originals(settings: Settings) -> str:
    """Where originals are, for people; errors as `opened_originals`. Changes nothing."""
    if settings.blob_url is None:
        return "a folder in the data folder"
    objects = _objects(settings.blob_url, settings)
    objects.check()
    return objects.shown


def originals_stay_as_versions(settings: Settings) -> bool:
    """Whether the bucket keeps what is deleted; False without one, or where we may not ask."""
    return settings.blob_url is not None and _objects(settings.blob_url, settings).keeps_versions()


def _objects(url: str, settings: Settings) -> BucketObjects:
    from corpus.originals.bucket.address import parse_blob_url  # noqa: PLC0415
    from corpus.originals.bucket.client import open_clients  # noqa: PLC0415  loads boto3
    from corpus.originals.bucket.objects import BucketObjects  # noqa: PLC0415

    address = parse_blob_url(url)
    return BucketObjects(address, open_clients(address, settings))
