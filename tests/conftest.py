"""The whole suite runs with outgoing connections refused, in this process and its children."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpus.quiet import set_offline_environment
from tests.offline.refuse import refuse_outgoing_connections

ROOT = Path(__file__).parents[1]


def pytest_configure() -> None:
    set_offline_environment()
    # Settings of whoever runs the tests must not reach the servers under test.
    for name in list(os.environ):
        if name.startswith("LECTERN_") and name != "LECTERN_DATA":
            del os.environ[name]
    os.environ["PYTHONPATH"] = str(ROOT / "tests" / "offline")
    refuse_outgoing_connections()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real files to develop against; tests that need them skip where they are absent."""
    folder = Path(os.environ.get("LECTERN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set LECTERN_DATA to one with filings/, wiki/, formats/")
    return folder
