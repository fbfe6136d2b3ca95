"""Which backups in a folder make way for newer ones."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import StorageUnavailable

# As backup_targets.py names them: the moment, and which one of it.
_NAME = re.compile(r"lectern-(\d{8}T\d{6}Z)(?:-(\d+))?\.tar")
_PARTIAL = re.compile(_NAME.pattern + r"\.\w+\.partial")
# One that is being made is written to all the time.
ABANDONED_S = 86_400
NAMED = 10  # of a list, at most
_LATER = (
    "named later than this backup, so that they stay and do not count: {}. Was a clock wrong? "
    "Then remove or rename them."
)


@dataclass(frozen=True, slots=True)
class MadeWay:
    """What was removed, and what to say of others that were not."""

    removed: Sequence[Path]
    remarks: Sequence[str] = ()


def remove_old(new: Path, keep: int) -> MadeWay:
    """Remove all but `new` and the `keep - 1` before it of what `lectern backup FOLDER` made.

    What is named later than `new` stays, and does not count: a clock was ahead once, or is behind
    now. What a killed one left goes too, a day after it was last written to. Files of other names
    stay. Raises `StorageUnavailable`.
    """
    try:
        earlier, later = _others(new)
        removed = [*earlier[keep - 1 :], *_abandoned(new.parent)]
        for path in removed:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"The backup is made, and older ones could not be removed: {error}.",
            hint="Remove them yourself, or there will be no space.",
        ) from error
    remark = _LATER.format(some_of([path.name for path in later]))
    return MadeWay(removed, [remark] if later else [])


def some_of(names: Sequence[str]) -> str:
    """The first of them, for people."""
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


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
