"""Putting what a restore has built in the place of what is in the data folder, whole or not at all.

It is built in the folder `restoring/new` of the data folder, on the same disk. From the moment that
the file `restoring/ready` is there, it counts: whoever owns the data folder next finishes what an
end in between left (`finish_swap`). Before that moment, it is removed. Where a step fails, the file
becomes `restoring/back`, and what was there before is put back, by the same rule.

Which steps are done is told by the files alone: what has come in is not in `new` any more, what has
made way is in `old`. So each may be begun again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import StorageUnavailable
from corpus.originals.receiving import storing
from lectern.server.movable import require_movable

_FOLDER = "restoring"
_NEW, _OLD = "new", "old"
_READY, _BACK = "ready", "back"


def begin_swap(data_dir: Path, outgoing: Sequence[str]) -> Path:
    """An empty folder to build in; the data folder must be owned.

    Raises `Misconfigured` when what matches the patterns `outgoing` could not be moved away.
    """
    require_movable(data_dir, [_FOLDER, *outgoing])
    folder = data_dir / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    new = folder / _NEW
    with storing(f"{new} could not be made"):
        new.mkdir(parents=True)
    return new


def swap(data_dir: Path, outgoing: Sequence[str]) -> None:
    """Replace what matches the patterns `outgoing` by all that was built, which is closed.

    Raises `Misconfigured` or `StorageUnavailable` where that cannot be; then all is as before, or
    will be once somebody owns the folder again.
    """
    require_movable(data_dir, outgoing)
    folder = data_dir / _FOLDER
    new = folder / _NEW
    with storing(f"{folder} could not be made ready"):
        (folder / _OLD).mkdir()
        for path in (new, *new.rglob("*")):
            _sync(path)
        incoming = sorted(path.name for path in new.iterdir())
        draft = folder / f"{_READY}.draft"
        draft.write_text(json.dumps({"outgoing": [*outgoing], "incoming": incoming}))
        _sync(draft)
        draft.rename(folder / _READY)
        _sync(folder)
    finish_swap(data_dir)


def abandon_swap(data_dir: Path) -> None:
    """Remove what was built and did not come to count; harmless when there is nothing."""
    folder = data_dir / _FOLDER
    if not ((folder / _READY).exists() or (folder / _BACK).exists()):
        shutil.rmtree(folder, ignore_errors=True)


def finish_swap(data_dir: Path) -> None:
    """Go on where an interrupted `swap` stopped; what never came to count is removed.

    Raises `StorageUnavailable` when something cannot be moved, and goes back before, if it can.
    """
    folder = data_dir / _FOLDER
    try:
        if (folder / _READY).exists():
            _go_on(_Swap.read(data_dir, folder / _READY))
        elif (folder / _BACK).exists():
            _go_back(_Swap.read(data_dir, folder / _BACK))
    except OSError as error:
        raise StorageUnavailable(
            f"{folder} could not be put in its place: {error.strerror or error}.",
            hint="Nothing is lost: mend that, and start the same again.",
        ) from error
    abandon_swap(data_dir)


@dataclass(frozen=True, slots=True)
class _Swap:
    """`outgoing` are patterns, `incoming` the names of what was built."""

    data_dir: Path
    outgoing: tuple[str, ...]
    incoming: tuple[str, ...]

    @classmethod
    def read(cls, data_dir: Path, mark: Path) -> _Swap:
        said = json.loads(mark.read_text())
        return cls(data_dir, tuple(said["outgoing"]), tuple(said["incoming"]))

    @property
    def folder(self) -> Path:
        return self.data_dir / _FOLDER

    def has_come_in(self, name: str) -> bool:
        return name in self.incoming and not _is_there(self.folder / _NEW / name)

    def sync(self) -> None:
        """Make durable what was moved to and fro."""
        for path in (self.folder / _OLD, self.folder / _NEW, self.data_dir):
            _sync(path)


def _go_on(swap: _Swap) -> None:
    ready = swap.folder / _READY
    try:
        _move_out(swap)
        swap.sync()
        for name in swap.incoming:
            if not swap.has_come_in(name):
                (swap.folder / _NEW / name).rename(swap.data_dir / name)
        swap.sync()
    except OSError:
        ready.rename(swap.folder / _BACK)
        _sync(swap.folder)
        _go_back(swap)
        raise
    ready.unlink()
    _sync(swap.folder)


def _move_out(swap: _Swap) -> None:
    for pattern in swap.outgoing:
        for path in swap.data_dir.glob(pattern):
            old = swap.folder / _OLD / path.name
            if swap.has_come_in(path.name):
                continue
            if _is_there(old):
                # SQLite's log of a command that looked into the database just then.
                path.unlink()
            else:
                path.rename(old)


def _go_back(swap: _Swap) -> None:
    for name in swap.incoming:
        if swap.has_come_in(name) and _is_there(swap.data_dir / name):
            (swap.data_dir / name).rename(swap.folder / _NEW / name)
    swap.sync()
    for path in (swap.folder / _OLD).iterdir():
        path.rename(swap.data_dir / path.name)
    swap.sync()
    (swap.folder / _BACK).unlink()
    _sync(swap.folder)
    abandon_swap(swap.data_dir)


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
