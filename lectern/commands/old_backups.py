"""Which backups in a folder make way for newer ones."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from corpus.errors import StorageUnavailable

# As backup_targets.py names them: the moment, and which one of it.
_NAME = re.compile(r"lectern-(\d{8}T\d{6}Z)(?:-(\d+))?\.tar")
_PARTIAL = re.compile(_NAME.pattern + r"\.\w+\.partial")
# One that is being made is written to all the time.
ABANDONED_S = 86_400


def remove_old(folder: Path, keep: int) -> Sequence[Path]:
    """Remove all but the newest `keep` backups that `lectern backup FOLDER` made; which.

    What a killed one left goes too, a day after it was last written to. Files of other names stay.
    Raises `StorageUnavailable`.
    """
    try:
        removed = [*_oldest(folder, keep), *_abandoned(folder)]
        for path in removed:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"The backup is made, and older ones could not be removed: {error}.",
            hint="Remove them yourself, or there will be no space.",
        ) from error
    return removed


def _oldest(folder: Path, keep: int) -> Sequence[Path]:
    made = [(found, path) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))]
    made.sort(key=lambda one: (one[0][1], int(one[0][2] or 1)), reverse=True)
    return [path for _, path in made[keep:]]


def _abandoned(folder: Path) -> Sequence[Path]:
    then = time.time() - ABANDONED_S
    return [
        path
        for path in folder.iterdir()
        if _PARTIAL.fullmatch(path.name) and path.stat().st_mtime < then
    ]
