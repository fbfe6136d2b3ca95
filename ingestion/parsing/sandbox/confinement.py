"""What a parser process takes from itself before it opens a hostile file.

Limits of memory and CPU time, no core dumps, a lower priority; no network and no other programs.
The last two by an audit hook, which cannot be removed: a guard against parsers that fetch what a
document names, not against native code that a document has taken over.
"""

from __future__ import annotations

import os
import sys
from math import ceil

if sys.platform != "win32":
    import resource

NICENESS = 10
# Of one file that a parser writes; what it writes in all is bounded by its scratch folder.
MAX_FILE_BYTES = 1024**3
_REFUSED_EVENTS = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
    "socket.bind",
    "urllib.Request",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.startfile",
)


def confine(*, memory_limit_bytes: int) -> None:
    """Apply all of it to this process; only the audit hook where the system is not POSIX."""
    sys.addaudithook(_refuse)
    if sys.platform == "win32":
        return
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    # DATA counts what the process really writes to; AS would also count mapped libraries.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_limit_bytes, memory_limit_bytes))


def allow_cpu_s(seconds: float) -> None:
    """Let this process use so much CPU time from now on; the system kills it beyond.

    The backstop for when the parent, which watches the clock, is gone.
    """
    if sys.platform == "win32":
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit_s = ceil(usage.ru_utime + usage.ru_stime + seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, hard))


def resident_bytes() -> int:
    """Memory this process holds now; its peak where the system does not say."""
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - a file of the kernel
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "win32":
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _refuse(event: str, _arguments: object) -> None:
    if event in _REFUSED_EVENTS:
        raise PermissionError(f"a parser may not do this: {event}")
