"""`lectern backup`: one file of everything, and what is in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from corpus.backup.archive import written
from corpus.backup.making import back_up
from corpus.backup.manifest import Manifest
from corpus.settings import Settings
from lectern.commands.counting import counted
from lectern.commands.new_files import new_file
from lectern.plain import plain
from lectern.server.stores import sources

_COMPRESSED = (".gz", ".tgz")
NAMED = 10  # of a list, at most


def make_backup(settings: Settings, target: Path, *, with_vectors: bool, console: Console) -> bool:
    """Write the backup to the file `target`, or to a new file in that folder, and say what it has.

    Whether all originals could be read; those that could not are named. Raises `Misconfigured` when
    the file is there already, `StorageUnavailable` when it cannot be written, and what `back_up`
    raises; then nothing is left of it.
    """
    with (
        new_file(target) as out,
        counted(console) as tell,
        sources(settings, with_vectors=with_vectors) as everything,
        written(out.file, is_compressed=out.path.suffix in _COMPRESSED) as archive,
    ):
        manifest = back_up(everything, archive, tell)
    for line in _summary(out.path, manifest):
        print(plain(line))
    if manifest.unreadable:
        print(plain(_warning(manifest.unreadable)), file=sys.stderr)
    return not manifest.unreadable


def _summary(path: Path, manifest: Manifest) -> Iterator[str]:
    size_mib = path.stat().st_size / 2**20
    vectors = f"{manifest.points} passages with their vectors"
    yield (
        f"written: {path}, {size_mib:.1f} MiB: {manifest.rows.get('documents', 0)} documents, "
        f"{manifest.originals} originals, {vectors if manifest.has_vectors else 'no vectors'}"
    )
    yield "Settings and keys in .env are not in it."


def _warning(unreadable: Sequence[str]) -> str:
    some = ", ".join(unreadable[:NAMED]) + (", ..." if len(unreadable) > NAMED else "")
    return (
        f"WARNING: {len(unreadable)} originals are damaged, missing or could not be read: {some}. "
        "Their documents answer; upload those files again, and make another backup."
    )
