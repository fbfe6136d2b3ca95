"""Tests that need a program: skipped where it is missing, failed where CI must have it."""

from __future__ import annotations

import os
import shutil

import pytest


def require_program(name: str) -> None:
    """Skip the test, or fail it under `CI=true`, unless the program is on the PATH."""
    if shutil.which(name) is None:
        missing = f"{name} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
