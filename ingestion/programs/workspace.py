"""Folders for what programs and parsers leave behind, gone afterwards whatever happens.

Each worker holds a folder of its own below the data folder by a lock, which ends with the worker;
the next one that starts removes the folders that nobody holds any more.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_LOCK_SUFFIX = ".lock"


class Workspace:
    """Makes folders that live as long as a `with` block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder, removed at the end with all that is in it."""
        made = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def open_workspace(root: Path) -> Iterator[Workspace]:
    """A workspace below `root`, for one process; those of processes that are gone are removed."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for lock in root.glob(f"*{_LOCK_SUFFIX}"):
        _remove_unless_held(lock)
    name = uuid4().hex
    # Held before it bears its name: nobody may find it and think that it is abandoned.
    draft, lock = root / f"{name}.new", root / f"{name}{_LOCK_SUFFIX}"
    folder = root / name
    with draft.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        draft.rename(lock)
        folder.mkdir(mode=0o700)
        try:
            yield Workspace(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _remove_unless_held(lock: Path) -> None:
    with suppress(FileNotFoundError), lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink(missing_ok=True)
