"""Tests that need a program: skipped where it is missing, failed where CI must have it."""

from __future__ import annotations

import os
import shutil

import pytest


def require_program(name: str) -> str:
    """The program's path; skips the test, or fails it under `CI=true`, unless it is on the PATH."""
    found = shutil.which(name)
    if found is None:
        missing = f"{name} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found
