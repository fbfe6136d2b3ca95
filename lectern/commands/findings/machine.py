"""The data folder, its disk, and what the system allows this user."""

from __future__ import annotations

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from lectern.commands.findings.finding import Finding

# Qdrant Edge keeps tens of files open per index, each connection one, SQLite some.
ENOUGH_FILES = 1024
# One file at its largest (LECTERN_MAX_FILE_MB) and its nodes; below the other, not even a log.
LITTLE_BYTES = 1 << 30
NOTHING_BYTES = 100 << 20


def data_folder(folder: Path) -> Iterator[Finding]:
    """Whether it is there or can be, is ours alone, and has room."""
    shown = str(folder.resolve())
    if not folder.exists():
        parent = next(path for path in folder.resolve().parents if path.exists())
        if os.access(parent, os.W_OK):
            yield Finding("ok", "data folder", f"{shown} is made at the first start")
        else:
            hint = f"Make it for this user, or choose another LECTERN_DATA_DIR ({parent} is not)."
            yield Finding("broken", "data folder", f"{shown} cannot be made here", hint)
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        hint = "Run as the user that it belongs to, or give it to this one (chown -R)."
        yield Finding("broken", "data folder", f"{shown} is not writable", hint)
        return
    free_bytes = shutil.disk_usage(folder).free
    yield Finding("ok", "data folder", f"{shown}, {free_bytes / 2**30:.0f} GiB free")
    yield from disk(free_bytes)
    yield from permissions(folder)


def disk(free_bytes: int) -> Iterator[Finding]:
    """What there is to say of so much free space."""
    if free_bytes >= LITTLE_BYTES:
        return
    hint = "Make room: uploads and ingestion fail with storage_unavailable when it is full."
    text = f"the disk is nearly full: {free_bytes / 2**20:.0f} MiB free"
    yield Finding("broken" if free_bytes < NOTHING_BYTES else "note", "  disk", text, hint)


def permissions(folder: Path) -> Iterator[Finding]:
    """Whether others may read the documents, and all in it is this user's."""
    status = folder.stat()
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(
            "note",
            "  permissions",
            "other users of this machine may look into it",
            f"If none should: chmod 700 {folder.resolve()}",
        )
    foreign = [path.name for path in folder.iterdir() if path.stat().st_uid != os.geteuid()]
    if foreign and os.geteuid() != 0:
        hint = "Run as that user, or give them to this one (chown -R)."
        text = f"not this user's: {', '.join(sorted(foreign)[:5])}"
        yield Finding("broken", "  permissions", text, hint)


def is_anothers(folder: Path) -> bool:
    """Whether it belongs to another user: files that we made in it would be in their way."""
    return folder.exists() and folder.stat().st_uid != os.geteuid()


def files() -> Finding:
    """How many files a process may have open."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < ENOUGH_FILES:
        text = f"a process may only have {allowed} files open"
        hint = f"Raise it where the service is started: ulimit -n {ENOUGH_FILES * 4}"
        return Finding("note", "open files", text, hint)
    return Finding("ok", "open files", f"{allowed} at once")
