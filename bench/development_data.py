"""Where the real files and questions are that measurements need."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def development_data() -> Path:
    """The folder that LECTERN_DATA names; without one, the program ends and says so.

    It holds `filings/` and `wiki/`, which `bench.quality.data_sets` describes.
    """
    named = os.environ.get("LECTERN_DATA", "")
    if not named or not Path(named, "filings").is_dir():
        sys.exit("Set LECTERN_DATA to a folder with filings/ and wiki/.")
    return Path(named)
