"""Tests that need a program: skipped where it is missing, failed where CI must have it."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

SERVERS = "/usr/sbin"  # of Debian's, and on nobody's PATH but root's


def require_program(name: str) -> str:
    """The program's path; skips the test, or fails it under `CI=true`, where it is missing."""
    found = shutil.which(name) or shutil.which(name, path=SERVERS)
    if found is None:
        missing = f"{name} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def _speaks_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


NEEDS_IPV6 = pytest.mark.skipif(not _speaks_ipv6(), reason="this machine has no IPv6")
