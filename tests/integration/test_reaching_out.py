"""What is compiled reaches out past Python, whose connections the suite refuses (tests/offline)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from corpus.quiet import OFFLINE_ENVIRONMENT

# As every command begins, then as servers and workers do.
OPENS_THE_MODEL = """
from corpus.quiet import set_offline_environment
set_offline_environment()
from corpus.embedding.open import open_embedding
from corpus.settings import Settings
open_embedding(Settings(), 1, "float32")
"""


def test_onnx_runtime_keeps_nothing_to_tell_of_us(tmp_path: Path) -> None:
    # With CI it would keep quiet by itself.
    unset = {*OFFLINE_ENVIRONMENT, "CI"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    subprocess.run(
        [sys.executable, "-c", OPENS_THE_MODEL],
        env={**environment, "HOME": str(tmp_path)},
        check=True,
        timeout=60,
    )
    assert list(tmp_path.rglob("*")) == []
