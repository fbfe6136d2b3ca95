"""Which folder holds the index: compaction writes a new one beside the old and then switches.

Beside `index` lie `index.current`, which names the folder that counts (`index`, `index-2`, ...),
and for each folder `<name>.removed` once something was removed from it: its files hold the text.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path


class ShardFolders:
    """The folders of one index. Not thread-safe: one caller at a time."""

    def __init__(self, path: Path) -> None:
        """`path` is the first one; nothing needs to exist."""
        self._path = path
        self._pointer = path.with_name(f"{path.name}.current")
        self._own_name = re.compile(rf"{re.escape(path.name)}(-\d+)?")

    def current(self) -> Path:
        """The folder that counts; it may have to be made yet."""
        try:
            name = self._pointer.read_text().strip()
        except FileNotFoundError:
            return self._path
        return self._path.with_name(name) if self._own_name.fullmatch(name) else self._path

    def is_from_before(self) -> bool:
        """Whether there is an index, and no pointer yet: nobody noted what was removed from it."""
        return not self._pointer.exists() and any(self._path.glob("segments/*"))

    def adopt(self, *, holds_removed: bool) -> None:
        """Say which folder counts, once it is open; no other is needed any more."""
        current = self.current()
        if holds_removed:
            self.note_removal(current)
        if not self._pointer.exists():
            self.switch_to(current)
        for other in self._all():
            if other != current:
                self.remove(other)

    def make_next(self) -> Path:
        """A name for a new folder, where nothing is."""
        numbers = [int(folder.name.rpartition("-")[2]) for folder in self._all()[1:]]
        folder = self._path.with_name(f"{self._path.name}-{max([1, *numbers]) + 1}")
        self.remove(folder)
        return folder

    def switch_to(self, folder: Path) -> None:
        """Make `folder` the one that counts, whole or not at all, whatever happens meanwhile."""
        written = self._pointer.with_suffix(".new")
        written.write_text(f"{folder.name}\n")
        _sync(written)
        written.replace(self._pointer)
        _sync(self._pointer.parent)

    def note_removal(self, folder: Path) -> None:
        """Remember from now on, also after a crash, that the folder holds removed text."""
        mark = self._mark_of(folder)
        if not mark.exists():
            mark.touch()
            _sync(mark.parent)

    def removal_age_s(self, folder: Path) -> float | None:
        """Seconds since the first removal; None when nothing was removed."""
        try:
            return max(0.0, time.time() - self._mark_of(folder).stat().st_mtime)
        except FileNotFoundError:
            return None

    def remove(self, folder: Path) -> None:
        """Remove a folder with all that belongs to it; harmless when it is gone."""
        shutil.rmtree(folder, ignore_errors=True)
        self._mark_of(folder).unlink(missing_ok=True)

    def _mark_of(self, folder: Path) -> Path:
        return folder.with_name(f"{folder.name}.removed")

    def _all(self) -> list[Path]:
        """The first folder, then the numbered ones there are."""
        beside = self._path.parent.glob(f"{self._path.name}-*")
        return [
            self._path,
            *(one for one in beside if one.is_dir() and self._own_name.fullmatch(one.name)),
        ]


def sync_tree(folder: Path) -> None:
    """Have every file and folder below on disk before this returns."""
    for path in (folder, *folder.rglob("*")):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
