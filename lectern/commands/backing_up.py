"""`lectern backup`: one file of everything, written beside its name and then given it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from rich.console import Console

from corpus.backup.archive import written
from corpus.backup.making import back_up
from corpus.backup.manifest import Manifest
from corpus.errors import Misconfigured, StorageUnavailable
from corpus.settings import Settings
from lectern.commands.counting import counted
from lectern.plain import plain
from lectern.server.stores import sources

_COMPRESSED = (".gz", ".tgz")
NAMED = 10  # of a list, at most


def make_backup(settings: Settings, target: Path, *, with_vectors: bool, console: Console) -> None:
    """Write the backup to the file `target`, or to a new file in that folder, and say what it has.

    Raises `Misconfigured` when the file is there already, `StorageUnavailable` when it cannot be
    written, and what `back_up` raises; then nothing is left of it.
    """
    path = _file(target)
    with (
        _new_file(path) as out,
        counted(console) as tell,
        sources(settings, with_vectors=with_vectors) as everything,
        written(out, is_compressed=path.suffix in _COMPRESSED) as archive,
    ):
        manifest = back_up(everything, archive, tell)
    for line in _summary(path, manifest):
        print(plain(line))


def _file(target: Path) -> Path:
    if target.is_dir():
        return target / f"lectern-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    return target


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    if path.exists():
        raise Misconfigured(f"{path} is there already.", hint="Name a new file, or a folder.")
    partial = path.with_name(f"{path.name}.partial")
    try:
        # It holds all documents: nobody else's to read.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(descriptor)
        partial.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise StorageUnavailable(
            f"The backup could not be written to {path}: {error.strerror or error}.",
            hint="Check the space and the permissions there; what was written is removed.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _summary(path: Path, manifest: Manifest) -> Iterator[str]:
    size_mib = path.stat().st_size / 2**20
    vectors = f"{manifest.points} passages with their vectors"
    yield (
        f"written: {path}, {size_mib:.1f} MiB: {manifest.rows.get('documents', 0)} documents, "
        f"{manifest.originals} originals, {vectors if manifest.has_vectors else 'no vectors'}"
    )
    yield "Settings and keys in .env are not in it."
    if manifest.unreadable:
        some = ", ".join(manifest.unreadable[:NAMED])
        yield (
            f"WARNING: {len(manifest.unreadable)} originals are damaged or missing: {some}. Their "
            "documents answer; upload those files again."
        )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
