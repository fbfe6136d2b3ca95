"""Starts one program within limits and sees it to its end: `python -I -S launcher.py SPEC`.

A process of its own, because limits, name spaces and a process group are things that a process
takes upon itself, and because it ends the program when the worker dies. It imports nothing of ours.

SPEC is JSON: {"argv", "folder", "environment", "timeout_s", "memory_bytes", "file_bytes",
"niceness", "remove"}. The program's output goes to the files `stdout` and `stderr` in the folder,
where it also starts. Standard input is the lifeline: when that ends, so does the program. Prints
{"exit_code": n} (negative for a signal) or {"timed_out": true}. At the end whatever the program has
started is killed, and the files in "remove", which it may have left elsewhere, are removed.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

_NEW_USER = 0x10000000  # CLONE_NEWUSER, linux/sched.h
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


def main(spec: dict[str, Any]) -> None:
    """Run the program that `spec` describes."""
    _limit(spec)
    _leave_network()
    with (
        open(os.path.join(spec["folder"], "stdout"), "wb") as stdout,  # noqa: PTH118, PTH123
        open(os.path.join(spec["folder"], "stderr"), "wb") as stderr,  # noqa: PTH118, PTH123
    ):
        process = subprocess.Popen(  # noqa: S603 - named by the worker, no shell
            spec["argv"],
            cwd=spec["folder"],
            env=spec["environment"],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )

    def end_with_worker() -> None:
        while os.read(0, 4096):
            pass
        _clean_up(process, spec["remove"])
        os._exit(1)

    threading.Thread(target=end_with_worker, daemon=True).start()
    try:
        outcome: dict[str, Any] = {"exit_code": process.wait(spec["timeout_s"])}
    except subprocess.TimeoutExpired:
        outcome = {"timed_out": True}
    _clean_up(process, spec["remove"])
    os.write(1, json.dumps(outcome).encode())
    os._exit(0)


def _limit(spec: dict[str, Any]) -> None:
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        # What is really written to; the address space would also count mapped libraries.
        (resource.RLIMIT_DATA, spec["memory_bytes"]),
        (resource.RLIMIT_FSIZE, spec["file_bytes"]),
        # The clock is watched here; this is for when this process is gone as well.
        (resource.RLIMIT_CPU, int(spec["timeout_s"] * (os.cpu_count() or 1)) + 1),
    ):
        resource.setrlimit(kind, (limit, limit))
    os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), spec["niceness"]))


def _leave_network() -> None:
    """Go where there is no network, if the system lets us: Linux with user name spaces.

    In a container they are usually refused; then what is left is that the program is not asked to
    fetch anything.
    """
    user, group = os.getuid(), os.getgid()
    try:
        refused = ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK)
    except (AttributeError, OSError):
        return
    if refused:
        return
    with suppress(OSError):
        _say("/proc/self/setgroups", "deny")
        _say("/proc/self/uid_map", f"{user} {user} 1")
        _say("/proc/self/gid_map", f"{group} {group} 1")


def _say(path: str, words: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - pathlib takes longer to load than all of this
        file.write(words)


def _clean_up(process: subprocess.Popen[bytes], remove: list[str]) -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):
        process.wait()
    for path in remove:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - as above


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
