"""A program that runs within limits, seen from the worker: start, wait, end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

_LAUNCHER = Path(__file__).with_name("launcher.py")
# The worker may have more to do than programs take by themselves: answers come first.
NICENESS = 10
# The launcher keeps the time; when it is gone or stuck, we do, this much later.
_LAUNCHER_GRACE_S = 10.0
_BEAT_S = 0.25
_INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TESSDATA_PREFIX")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take: wall-clock time, memory of each process, size of each file."""

    timeout_s: float
    memory_bytes: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: `exit_code` is negative for a signal, None when it took too long."""

    exit_code: int | None

    @property
    def timed_out(self) -> bool:
        """Whether it was killed at its limit."""
        return self.exit_code is None


class Program:
    """A running program, killed with all it started at the end of its `with` block.

    `folder` is its own: it starts there, has its home and temporary files in it, and leaves
    `stdout` and `stderr` there. It inherits no variable but those that say where programs are and
    how to write numbers. `leftovers` are files that it makes elsewhere; they are removed after it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        limits: Limits,
        environment: Mapping[str, str] | None = None,
        leftovers: Iterable[Path] = (),
    ) -> None:
        self.folder = folder
        spec = {
            "argv": list(argv),
            "folder": str(folder),
            "environment": {**_environment(folder), **(environment or {})},
            "timeout_s": limits.timeout_s,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "niceness": NICENESS,
            "remove": [str(path) for path in leftovers],
        }
        self._deadline_s = time.monotonic() + limits.timeout_s + _LAUNCHER_GRACE_S
        self._process = subprocess.Popen(  # noqa: S603 - our own launcher, no shell
            [sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={},
            start_new_session=True,
        )
        self._outcome: Outcome | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def fileno(self) -> int:
        """Readable once the program has ended."""
        return cast("IO[bytes]", self._process.stdout).fileno()

    @property
    def is_overdue(self) -> bool:
        """Whether it should have been ended by its launcher long ago."""
        return time.monotonic() > self._deadline_s

    def outcome(self) -> Outcome:
        """How it ended; only after it has, or is overdue. Ends it for good."""
        if self._outcome is None:
            overdue = self.is_overdue
            said = b"" if overdue else cast("IO[bytes]", self._process.stdout).read()
            self.end()
            self._outcome = Outcome(None) if overdue else _parsed(said)
        return self._outcome

    def end(self) -> None:
        """Kill it, unless it has ended, and wait for that."""
        streams = cast("tuple[IO[bytes], IO[bytes]]", (self._process.stdin, self._process.stdout))
        # The end of its lifeline has the launcher kill the program and clean up.
        streams[0].close()
        try:
            self._process.wait(_LAUNCHER_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        streams[1].close()


def wait_for_any(programs: Sequence[Program], beat: Callable[[], None]) -> list[Program]:
    """Those that have ended or are overdue: at least one.

    `beat` is called several times a second, and what it raises ends the waiting.
    """
    while True:
        ended = wait([program.fileno() for program in programs], timeout=_BEAT_S)
        found = [one for one in programs if one.fileno() in ended or one.is_overdue]
        if found:
            return found
        beat()


def _parsed(said: bytes) -> Outcome:
    if not said:
        return Outcome(-1)  # the launcher itself was killed
    return Outcome(json.loads(said).get("exit_code"))


def _environment(folder: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    place = str(folder)
    return {**inherited, "HOME": place, "TMPDIR": place, "OMP_THREAD_LIMIT": "1"}
