"""Real files of many kinds, some broken, encrypted, empty or mislabelled on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.errors import LecternError, ParserCrashed, ParserTimeout
from corpus.kinds.recognition import detect_kind
from ingestion.parsing.sandbox.sandbox import ParserSandbox

# An empty workbook, a file of blanks: nothing to read in them is right.
_WITHOUT_TEXT_AT_MOST = 0.1


def test_every_real_file_gives_text_or_a_clear_error(shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "formats").glob("*") if path.is_file())
    if not files:
        pytest.skip(f"no files in {shared_data / 'formats'}")
    crashed: list[str] = []
    without_text: list[str] = []
    with ParserSandbox(timeout_s=120, max_pages=1000) as sandbox:
        for path in files:
            try:
                document = sandbox.parse(path, detect_kind(path, path.name))
            except (ParserCrashed, ParserTimeout) as error:
                crashed.append(f"{path.name}: {error.detail}")
            except LecternError:
                continue
            else:
                text = "".join(page.text for page in document.pages)
                assert "\0" not in text, path.name
                assert "\ufffd" not in text, path.name
                if not document.pages_with_text and not document.pages_needing_ocr:
                    without_text.append(path.name)
    assert not crashed
    assert len(without_text) <= _WITHOUT_TEXT_AT_MOST * len(files), without_text
