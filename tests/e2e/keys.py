"""Keys of a server under test, made as an operator makes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.server import LecternServer


def lectern_keys(data_dir: Path, *arguments: str) -> str:
    """What `lectern keys ...` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "lectern", "keys", *arguments],
        env={**os.environ, "LECTERN_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def operator(server: LecternServer) -> dict[str, str]:
    """The header of who may read the server's data folder."""
    said = json.loads((server.data_dir / "server.json").read_text())
    return {"Authorization": f"Bearer {said['key']}"}


def bearer(server: LecternServer, name: str, *options: str) -> dict[str, str]:
    """The header of a new key."""
    secret = lectern_keys(server.data_dir, "create", name, *options)
    return {"Authorization": f"Bearer {secret}"}
