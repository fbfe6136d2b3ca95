"""`python -m bench [FOLDER]`: the main job on a folder of PDFs with questions, in figures."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.development_data import development_data
from bench.main_job import measure
from corpus.quiet import set_offline_environment


def main() -> None:
    """Measure on FOLDER (files and a questions.jsonl), by default LECTERN_DATA's filings."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else development_data() / "filings"
    if not (folder / "questions.jsonl").is_file():
        sys.exit(f"{folder} has no questions.jsonl; name a folder that has.")
    set_offline_environment()
    measure(folder)


if __name__ == "__main__":
    main()
