"""The data folder: one process owns it, and says where it serves."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from corpus.errors import DataDirInUse
from lectern.server.swap import finish_swap

_LOCK = "lectern.lock"
_ADDRESS = "server.json"

# Who looks whether the folder is held (`is_held`) holds it for an instant.
OWN_LIMIT_S = 1.0
_OWN_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that owns a data folder; with `key`, whoever may read that is its operator."""

    pid: int
    url: str
    key: str | None = None


@contextmanager
def owned(data_dir: Path) -> Iterator[None]:
    """Hold the folder for this process, or raise `DataDirInUse` naming who has it.

    The lock is the operating system's and ends with the process, however it ends.
    """
    # The documents are whoever's they are: no other user of this machine reads them.
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / _LOCK).open("a") as lock:
        if not _locked(lock):
            raise _in_use(data_dir)
        (data_dir / _ADDRESS).unlink(missing_ok=True)
        finish_swap(data_dir)
        try:
            yield
        finally:
            (data_dir / _ADDRESS).unlink(missing_ok=True)


def announce(data_dir: Path, url: str, key: str | None = None) -> None:
    """Let the commands of this user find the server; the folder must be owned."""
    draft = data_dir / f"{_ADDRESS}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump({"pid": os.getpid(), "url": url, "key": key}, file)
    draft.replace(data_dir / _ADDRESS)


def find_server(data_dir: Path) -> RunningServer | None:
    """The server that announced itself and still holds the folder, or None."""
    if not is_held(data_dir):
        return None
    try:
        said = json.loads((data_dir / _ADDRESS).read_text())
        return RunningServer(pid=said["pid"], url=said["url"], key=said.get("key"))
    except (OSError, ValueError, KeyError):
        return None


def is_held(data_dir: Path) -> bool:
    """Whether a process owns the folder right now."""
    try:
        with (data_dir / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _locked(lock: IO[str]) -> bool:
    """Whether the lock could be taken for us alone within `OWN_LIMIT_S`."""
    deadline_s = time.monotonic() + OWN_LIMIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_OWN_AGAIN_S)
        else:
            return True


def _in_use(data_dir: Path) -> DataDirInUse:
    server = find_server(data_dir)
    if server is None:
        return DataDirInUse(
            f"Another Lectern process is using {data_dir}.",
            hint="Wait until it has ended, or choose another LECTERN_DATA_DIR.",
        )
    return DataDirInUse(
        f"Lectern already serves {data_dir} at {server.url} (process {server.pid}).",
        hint=f"Use that server, stop it with `kill {server.pid}`, "
        "or choose another LECTERN_DATA_DIR and LECTERN_PORT.",
    )
