"""A part of `python -m bench.hostile`: generated files and names, through a real server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.hostile.cases import all_cases
from bench.hostile.through_server import send_all
from bench.real_server import RealServer

# One of each kind of trick; `python -m bench.hostile` sends them all.
TRICKS = (
    "bomb-2-gib.docx",
    "bomb-claims-100-bytes.xlsx",
    "overlapping-members.pptx",
    "100000-members.odt",
    "members-with-path-tricks.epub",
    "billion-laughs.xml",
    "billion-laughs.docx",
    "entity-of-a-file.epub",
    "entity-of-a-file-in-svg.html",
    "100000-pages-of-one-object.pdf",
    "no-page.pdf",
    "page-tree-in-itself.pdf",
    "form-that-draws-itself.pdf",
    "object-stream-in-itself.pdf",
    "lists-100000-deep.json",
    "div-100000-deep.html",
    "groups-100000-deep.rtf",
    "mails-1000-deep.eml",
    "encoded-words.eml",
    "tables-20000-deep.docx",
    "cell-beyond-the-sheet.xlsx",
    "only-nul-bytes.txt",
    "surrogates.json",
    "mark-of-utf-16-be-then-odd-bytes.txt",
    "ole-that-points-at-itself.msg",
)


@pytest.mark.timeout(900)  # a machine that is busy besides starts servers slowly
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_hostile_files_and_names_are_refused_or_end_with_a_clear_state(
    make_data_dir: Callable[[], Path],
) -> None:
    files = [(case.name, case.make()) for case in all_cases() if case.name in TRICKS]
    assert len(files) == len(TRICKS)
    server = RealServer(make_data_dir(), {"LECTERN_PARSE_TIMEOUT_S": "20"})
    server.start()
    try:
        assert list(send_all(server, files)) == []
    finally:
        server.stop()
