"""Running a script of ours by the interpreter of the competitors' environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus.quiet import OFFLINE_ENVIRONMENT

LIMIT_S = 4 * 3600


def run_there(python: Path, script: Path, arguments: Sequence[str]) -> dict[str, Any]:
    """The JSON object that it prints last; it sees neither our settings nor our packages."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [str(python), str(script), *arguments],
        env={**kept, **OFFLINE_ENVIRONMENT},
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
