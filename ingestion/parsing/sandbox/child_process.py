"""One running parser process, seen from its parent: start, send, replies, end."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, BinaryIO, cast

import ingestion
from corpus.errors import ParserUnavailable
from corpus.quiet import OFFLINE_ENVIRONMENT
from ingestion.parsing.sandbox.frames import FrameError, read_frame, write_frame

# Loading the interpreter and the light parsers takes 0.3 s here, 10 s from a cold disk.
START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 5.0
_LOGGED_BYTES = 4096  # of a line
_INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "SYSTEMROOT")

log = logging.getLogger("ingestion.parser")


class ChildProcess:
    """A parser process that is ready for requests.

    `replies` yields its messages in order, then None when it ended or sent something unreadable.
    Raises `ParserUnavailable` when the process does not come up.
    """

    def __init__(self, *, memory_limit_bytes: int, limit_bytes: int) -> None:
        self.files_read = 0
        self.replies: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "ingestion.parsing.sandbox.child", str(memory_limit_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            close_fds=True,
            # Ctrl-C in the terminal is for the parent, which decides what becomes of the file.
            start_new_session=True,
        )
        reader = threading.Thread(target=self._read_replies, args=(limit_bytes,), daemon=True)
        reader.start()
        self._context = copy_context()  # of who had the last file read
        threading.Thread(target=self._log_what_it_says, daemon=True).start()
        try:
            first = self.replies.get(timeout=START_TIMEOUT_S)
        except queue.Empty:
            first = None
        if first is None:
            self.kill()
            raise ParserUnavailable("The parser process did not start.")

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def send(self, request: dict[str, Any]) -> None:
        """Raises `ParserUnavailable` when the process is gone: it died before it saw the file."""
        self._context = copy_context()
        try:
            write_frame(cast("BinaryIO", self._process.stdin), request)
        except OSError as error:
            raise ParserUnavailable("The parser process died before reading a file.") from error

    def kill(self) -> None:
        """End the process whatever it does, and wait until it is gone."""
        self._process.kill()
        self._process.wait(_END_TIMEOUT_S)
        # A request that no one read would be flushed into a closed pipe.
        with suppress(OSError):
            cast("BinaryIO", self._process.stdin).close()

    def _log_what_it_says(self) -> None:
        with cast("BinaryIO", self._process.stderr) as stream:
            while line := stream.readline(_LOGGED_BYTES):
                text = line.decode(errors="backslashreplace").rstrip()
                self._context.run(log.warning, "%s", text)

    def _read_replies(self, limit_bytes: int) -> None:
        with cast("BinaryIO", self._process.stdout) as stream:
            try:
                while reply := read_frame(stream, limit_bytes=limit_bytes):
                    self.replies.put(reply)
            except FrameError:
                self._process.kill()
        self.replies.put(None)


def _environment() -> dict[str, str]:
    """No secrets: what the interpreter needs to run and to find this package, nothing else."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    root = Path(ingestion.__file__).parent.parent
    return {
        **inherited,
        **OFFLINE_ENVIRONMENT,
        "PYTHONPATH": str(root),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
    }
