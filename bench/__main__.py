"""`python -m bench [FOLDER]`: the main job on a folder of PDFs with questions, in figures."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.main_job import measure
from corpus.quiet import set_offline_environment


def main() -> None:
    """Measure on FOLDER (files and a questions.jsonl), by default the filings."""
    data = Path(os.environ.get("LECTERN_DATA", "../shared/data"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else data / "filings"
    if not (folder / "questions.jsonl").is_file():
        sys.exit(f"{folder} has no questions.jsonl; name a folder that has, or set LECTERN_DATA.")
    set_offline_environment()
    measure(folder)


if __name__ == "__main__":
    main()
