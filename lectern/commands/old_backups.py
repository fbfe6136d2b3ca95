"""Which backups in a folder make way for newer ones."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.backup.archive import manifest_of
from corpus.errors import BackupUnusable, StorageUnavailable

# As backup_targets.py names them: the moment, and which one of it.
_NAME = re.compile(r"lectern-(\d{8}T\d{6}Z)(?:-(\d+))?\.tar")
_PARTIAL = re.compile(_NAME.pattern + r"\.\w+\.partial")
# One that is being made is written to all the time.
ABANDONED_S = 86_400
NAMED = 10  # of a list, at most
_LATER = "{}: named later than this one, and not counted. Was a clock wrong? Remove or rename them."
_UNKNOWN = "{}: not to be read as backups, and not counted."
_NEEDED = "{}: newer ones lack documents or originals that they have."
_EMPTY = "{}: they have documents, and this one has none. Was the registry lost, or is it another?"


@dataclass(frozen=True, slots=True)
class MadeWay:
    """What was removed, and what to say of others that were not."""

    removed: Sequence[Path]
    remarks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Backup:
    path: Path
    has_documents: bool
    lacks: frozenset[str]  # originals, by their sha256

    def replaces(self, other: _Backup) -> bool:
        """Whether nothing that was lost since is in the other alone."""
        return self.has_documents >= other.has_documents and self.lacks <= other.lacks


def remove_old(new: Path, keep: int) -> MadeWay:
    """Remove what `lectern backup FOLDER` made before `new`, and `keep` newer ones replace.

    One that lacks an original replaces none that has it, one without documents none with some, and
    if `new` has none, nothing is removed. What is named later than `new` stays, and does not count:
    a clock was ahead once, or is behind now. What a killed one left goes too, a day after it was
    last written to. Files of other names stay. Raises `StorageUnavailable`.
    """
    try:
        return _made_way(new, keep)
    except OSError as error:
        raise StorageUnavailable(
            f"The backup is made, and older ones could not be removed: {error}.",
            hint="Remove them yourself, or there will be no space.",
        ) from error


def _made_way(new: Path, keep: int) -> MadeWay:
    earlier, later = _others(new)
    backups, unknown = _opened([new, *earlier])
    full = [one.path for one in backups if one.has_documents]
    if full and new not in full:
        return MadeWay([], [_EMPTY.format(_names(full))])
    replaced = _replaced(backups, keep)
    removed = [*replaced, *_abandoned(new.parent)]
    for path in removed:
        path.unlink(missing_ok=True)
    needed = [one.path for one in backups[keep:] if one.path not in replaced]
    kept = ((_LATER, later), (_UNKNOWN, unknown), (_NEEDED, needed))
    return MadeWay(removed, [remark.format(_names(paths)) for remark, paths in kept if paths])


def _opened(paths: Sequence[Path]) -> tuple[Sequence[_Backup], Sequence[Path]]:
    """What they say of themselves, in this order, and those that say nothing."""
    backups, unknown = [], []
    for path in paths:
        try:
            manifest = manifest_of(path)
        except BackupUnusable:
            unknown.append(path)
        else:
            has_documents = manifest.rows.get("documents", 0) > 0
            backups.append(_Backup(path, has_documents, frozenset(manifest.unreadable)))
    return backups, unknown


def _replaced(newest_first: Sequence[_Backup], keep: int) -> Sequence[Path]:
    """Those for which there are as many newer ones."""
    stay: list[_Backup] = []
    go: list[Path] = []
    for one in newest_first:
        if sum(newer.replaces(one) for newer in stay) < keep:
            stay.append(one)
        else:
            go.append(one.path)
    return go


def some_of(names: Sequence[str]) -> str:
    """The first of them, for people."""
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


def _names(paths: Sequence[Path]) -> str:
    return some_of([path.name for path in paths])


def _others(new: Path) -> tuple[Sequence[Path], Sequence[Path]]:
    """The backups beside `new` that are named earlier, and those later than it; newest first."""
    made = [(found, path) for path in new.parent.iterdir() if (found := _moment(path))]
    made.sort(reverse=True)
    this = _moment(new) or ("", 0)
    earlier = [path for found, path in made if found < this]
    later = [path for found, path in made if found > this]
    return earlier, later


def _moment(path: Path) -> tuple[str, int] | None:
    found = _NAME.fullmatch(path.name)
    return (found[1], int(found[2] or 1)) if found else None


def _abandoned(folder: Path) -> Sequence[Path]:
    then = time.time() - ABANDONED_S
    return [
        path
        for path in folder.iterdir()
        if _PARTIAL.fullmatch(path.name) and path.stat().st_mtime < then
    ]
