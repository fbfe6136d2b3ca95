"""`lectern backup`: one file of everything, and what is in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from rich.console import Console

from corpus.backup.archive import written
from corpus.backup.making import back_up
from corpus.backup.manifest import Manifest
from corpus.errors import Misconfigured
from corpus.settings import Settings
from lectern.commands.backup_targets import new_file, standard_output
from lectern.commands.counting import counted
from lectern.commands.old_backups import remove_old, some_of
from lectern.plain import plain
from lectern.server.stores import sources

_COMPRESSED = (".gz", ".tgz")


def make_backup(
    settings: Settings,
    target: Path | str,
    *,
    with_vectors: bool,
    console: Console,
    keep: int | None = None,
) -> bool:
    """Write the backup to the file `target`, or to a new file in that folder, and say what it has.

    With `keep`, only so many in the folder stay, and what these do not replace (old_backups.py).
    Whether all originals could be read; those that could not are named. Raises `Misconfigured` when
    the file is there already, `StorageUnavailable` when it cannot be written, and what `back_up`
    raises; then nothing is left of it.
    """
    if keep is not None and not Path(target).is_dir():
        raise Misconfigured("--keep is for backups into a folder.", hint="Name one that is there.")
    with new_file(target) as out:
        manifest = _write(settings, out.file, out.path.suffix in _COMPRESSED, with_vectors, console)
    size_mib = out.path.stat().st_size / 2**20
    for line in _summary(f"{out.path}, {size_mib:.1f} MiB", manifest):
        print(plain(line))
    if keep is not None:
        made_way = remove_old(out.path, keep)
        for path in made_way.removed:
            print(plain(f"removed: {path}"))
        for remark in made_way.remarks:
            print(plain(f"kept: {remark}"), file=sys.stderr)
    return _said_whether_whole(manifest)


def send_backup(settings: Settings, *, with_vectors: bool, console: Console) -> bool:
    """Write the backup to the standard output, and to the other what it has.

    As `make_backup`; where it raises, what came out is a part, which `lectern restore` refuses.
    """
    with standard_output() as out:
        manifest = _write(settings, out, False, with_vectors, console)
    for line in _summary("the standard output", manifest):
        print(plain(line), file=sys.stderr)
    return _said_whether_whole(manifest)


def _write(
    settings: Settings, out: BinaryIO, is_compressed: bool, with_vectors: bool, console: Console
) -> Manifest:
    with (
        counted(console) as tell,
        sources(settings, with_vectors=with_vectors) as everything,
        written(out, is_compressed=is_compressed) as archive,
    ):
        return back_up(everything, archive, tell)


def _said_whether_whole(manifest: Manifest) -> bool:
    if manifest.unreadable:
        print(plain(_warning(manifest.unreadable)), file=sys.stderr)
    return not manifest.unreadable


def _summary(where: str, manifest: Manifest) -> Iterator[str]:
    vectors = f"{manifest.points} passages with their vectors"
    yield (
        f"written: {where}: {manifest.rows.get('documents', 0)} documents, "
        f"{manifest.originals} originals, {vectors if manifest.has_vectors else 'no vectors'}"
    )
    yield "Settings and keys in .env are not in it."


def _warning(unreadable: Sequence[str]) -> str:
    return (
        f"WARNING: {len(unreadable)} originals are damaged, missing or could not be read: "
        f"{some_of(unreadable)}. Their documents answer; upload those files again, and make "
        "another backup."
    )
