"""Copying originals from one store to another; both know them by the hash of their bytes."""

from __future__ import annotations

from corpus.errors import StorageUnavailable
from corpus.originals.port import OriginalStore


def copy_originals(source: OriginalStore, target: OriginalStore) -> int:
    """Copy what the target lacks; how many that were.

    What else the target keeps stays. Raises `StorageUnavailable`, also for an original whose bytes
    are not those of its hash any more; the same call again goes on.
    """
    there = {one.content_sha256 for one in target.kept()}
    copied = 0
    for one in source.kept():
        if one.content_sha256 not in there:
            _copy(source, target, one.content_sha256)
            copied += 1
    return copied


def _copy(source: OriginalStore, target: OriginalStore, content_sha256: str) -> None:
    with source.local_copy(content_sha256) as path, path.open("rb") as file:
        size_bytes = path.stat().st_size
        with target.stage(file, max_bytes=max(1, size_bytes)) as staged:
            if staged.content_sha256 != content_sha256:
                raise StorageUnavailable(
                    f"The original {content_sha256} is damaged: its bytes have another hash.",
                    hint="Put it back from a backup, or delete its documents, then try again.",
                )
            staged.keep()
