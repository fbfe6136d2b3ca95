"""Whether what is in a folder can be moved within it: not what is mounted there, or is a link."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpus.errors import Misconfigured

_MOUNTS = Path("/proc/self/mountinfo")
_MOUNT_POINT = 4  # proc(5), counted from 0


def require_movable(folder: Path, patterns: Sequence[str]) -> None:
    """Raise `Misconfigured` where something that matches cannot be renamed, or is elsewhere.

    What a link names would stay where it is, and what comes in its place would be on another disk.
    """
    mounted = set(_mount_points())
    device = folder.stat().st_dev
    for pattern in patterns:
        for path in folder.glob(pattern):
            if path.is_symlink():
                raise _not_movable(path, "a link")
            is_mounted = os.path.ismount(path) or str(path.resolve()) in mounted
            if is_mounted or path.stat().st_dev != device:
                raise _not_movable(path, "mounted there")


def _mount_points() -> Iterator[str]:
    """Where the system tells them: a folder of the same disk does not look mounted otherwise."""
    if not _MOUNTS.exists():
        return
    for line in _MOUNTS.read_text(errors="surrogateescape").splitlines():
        # Spaces and the like are octal there.
        yield re.sub(r"\\([0-7]{3})", _as_character, line.split(" ")[_MOUNT_POINT])


def _as_character(found: re.Match[str]) -> str:
    return chr(int(found[1], 8))


def _not_movable(path: Path, what: str) -> Misconfigured:
    return Misconfigured(
        f"{path} is {what}, so nothing can be put in its place.",
        hint="Mount or link the data folder as a whole, or restore into another LECTERN_DATA_DIR. "
        "Nothing was changed.",
    )
