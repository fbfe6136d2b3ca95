"""Putting what a restore has built in the place of what is in the data folder, whole or not at all.

It is built in the folder `restoring/new` of the data folder, on the same disk. From the moment that
the file `restoring/ready` is there, it counts: whoever owns the data folder next finishes what an
end in between left (`finish_swap`). Before that moment, it is removed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

_FOLDER = "restoring"
_NEW, _OLD = "new", "old"
_READY, _MOVED_OUT = "ready", "moved-out"


def begin_swap(data_dir: Path) -> Path:
    """An empty folder to build in; the data folder must be owned."""
    folder = data_dir / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    new = folder / _NEW
    new.mkdir(parents=True)
    return new


def swap(data_dir: Path, outgoing: Sequence[str]) -> None:
    """Replace what matches the patterns `outgoing` by all that was built, which is closed."""
    folder = data_dir / _FOLDER
    for path in (folder / _NEW, *(folder / _NEW).rglob("*")):
        _sync(path)
    draft = folder / f"{_READY}.draft"
    draft.write_text(json.dumps([*outgoing]))
    _sync(draft)
    draft.rename(folder / _READY)
    _sync(folder)
    finish_swap(data_dir)


def abandon_swap(data_dir: Path) -> None:
    """Remove what was built and did not come to count; harmless when there is nothing."""
    folder = data_dir / _FOLDER
    if not (folder / _READY).exists():
        shutil.rmtree(folder, ignore_errors=True)


def finish_swap(data_dir: Path) -> None:
    """Go on where an interrupted `swap` stopped; what never came to count is removed."""
    folder = data_dir / _FOLDER
    if not (folder / _READY).exists():
        abandon_swap(data_dir)
        return
    if not (folder / _MOVED_OUT).exists():
        (folder / _OLD).mkdir(exist_ok=True)
        for pattern in json.loads((folder / _READY).read_text()):
            for path in data_dir.glob(pattern):
                path.rename(folder / _OLD / path.name)
        (folder / _MOVED_OUT).touch()
        _sync(folder)
    for path in (folder / _NEW).iterdir():
        path.rename(data_dir / path.name)
    _sync(data_dir)
    (folder / _READY).unlink()
    _sync(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
