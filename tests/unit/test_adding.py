from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from lectern.adding import add_files
from lectern.client import Client
from tests.scripted_lectern import HANG_UP, Answer, scripted_lectern

GONE: Answer = (404, {"error": "document_not_found", "detail": "There is no X.", "hint": "Look."})
BUSY: Answer = (503, {"error": "unavailable", "detail": "It is busy.", "hint": "Wait."})


def document(document_id: str, status: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "id": document_id,
        "filename": "whatever.txt",
        "status": status,
        "progress": {"stage": status, "done": 0, "total": 0},
        "pages": 1,
        "chunks": 2,
        "coverage": {"pages_with_text": 1, "pages_needing_ocr": []},
        "error": None,
        **fields,
    }


def accepted(document_id: str) -> Answer:
    return 202, document(document_id, "queued")


def ready(document_id: str, **fields: Any) -> Answer:  # noqa: ANN401
    return 200, document(document_id, "ready", **fields)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for path in paths:
        path.write_text(path.name)
    return paths


def added(url: str, paths: list[Path], out: StringIO) -> bool:
    client = Client(url)
    try:
        return add_files(client, paths, "default", Console(file=out, width=60))
    finally:
        client.close()


def test_files_of_the_same_bytes_have_an_outcome_each(paths: list[Path]) -> None:
    out = StringIO()
    answers = {
        "POST /documents": [accepted("1"), accepted("1"), accepted("2")],
        "GET /documents/1": [ready("1")],
        "GET /documents/2": [ready("2")],
    }
    with scripted_lectern(answers) as url:
        assert added(url, paths, out)
    assert out.getvalue().splitlines() == [
        f"✓ {name}: 1 page, 2 chunks" for name in ("a.txt", "b.txt", "c.txt")
    ]


def test_a_file_that_cannot_be_followed_does_not_end_the_others(paths: list[Path]) -> None:
    out = StringIO()
    answers = {
        "POST /documents": [accepted("1"), accepted("2"), accepted("3")],
        "GET /documents/1": [GONE],
        "GET /documents/2": [BUSY],
        "GET /documents/3": [(200, document("3", "parsing")), ready("3")],
    }
    with scripted_lectern(answers) as url:
        assert not added(url, paths, out)
    assert out.getvalue().splitlines() == [
        "✗ a.txt: There is no X. Look.",
        "✗ b.txt: It is busy. Wait.",
        "✓ c.txt: 1 page, 2 chunks",
    ]


def test_a_file_that_cannot_be_read_does_not_end_the_others(paths: list[Path]) -> None:
    out = StringIO()
    paths[0].unlink()
    answers = {
        "POST /documents": [accepted("2"), BUSY],
        "GET /documents/2": [ready("2")],
    }
    with scripted_lectern(answers) as url:
        assert not added(url, paths, out)
    assert out.getvalue().splitlines() == [
        "✗ a.txt: cannot be read: No such file or directory.",
        "✗ c.txt: It is busy. Wait.",
        "✓ b.txt: 1 page, 2 chunks",
    ]


def test_when_the_server_goes_away_every_file_is_named(paths: list[Path]) -> None:
    out = StringIO()
    answers = {
        "POST /documents": [accepted("1"), accepted("2"), accepted("3")],
        "GET /documents/1": [ready("1")],
        "GET /documents/2": [HANG_UP],
    }
    with scripted_lectern(answers) as url, pytest.raises(httpx.TransportError):
        added(url, paths, out)
    first, *others = out.getvalue().splitlines()
    assert first == "✓ a.txt: 1 page, 2 chunks"
    assert others == [f"✗ {name}: what became of it is not known." for name in ("b.txt", "c.txt")]


def test_warnings_stand_under_the_line_of_their_file(paths: list[Path]) -> None:
    out = StringIO()
    warning = "Only the first 10,000 of 12,000 pages were read: \x1b[31mraise LECTERN_MAX_PAGES."
    answers = {
        "POST /documents": [accepted("1")],
        "GET /documents/1": [ready("1", warnings=[warning])],
    }
    with scripted_lectern(answers) as url:
        assert added(url, paths[:1], out)
    assert out.getvalue().splitlines() == [
        "✓ a.txt: 1 page, 2 chunks",
        "    " + warning.replace("\x1b", ""),
    ]
