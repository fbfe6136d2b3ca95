"""Processes of this machine, seen through Linux's /proc: who descends from whom, and how large."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_KIB = 1024


@dataclass(frozen=True, slots=True)
class SeenProcess:
    """A process; `started` (clock ticks since boot) tells it from a later one of the same id."""

    pid: int
    started: int
    command: str

    def is_running(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        fields = _stat_fields(self.pid)
        return fields is not None and _started(fields) == self.started and fields[0] != "Z"

    def kill(self) -> bool:
        """End it as a power cut would; False when it was gone already."""
        if not self.is_running():
            return False
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def process_tree(root_pid: int) -> list[SeenProcess]:
    """The process and all its descendants, ancestors first; empty when it does not run."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        fields = _stat_fields(int(folder.name))
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found: list[SeenProcess] = []
    waiting = [root_pid]
    while waiting:
        pid = waiting.pop(0)
        waiting.extend(children.get(pid, []))
        fields = _stat_fields(pid)
        if fields is not None and fields[0] != "Z":
            found.append(SeenProcess(pid, _started(fields), _command(pid)))
    return found


def proportional_bytes(processes: Iterable[SeenProcess]) -> int:
    """Memory that these processes hold together; a page that several share counts once (PSS)."""
    return sum(_proportional_bytes(process.pid) for process in processes)


def resident_bytes(pid: int) -> int:
    """Memory that one process holds, pages shared with others included; 0 when it is gone."""
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _proportional_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * _KIB
    return resident_bytes(pid)


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on: a name may hold spaces."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split() or None
    except OSError:
        return None


def _started(fields: list[str]) -> int:
    return int(fields[19])


def _command(pid: int) -> str:
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()
