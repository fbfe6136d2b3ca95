from __future__ import annotations

import hashlib
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from lectern.client import Client
from lectern.commands.adding import Order, add_files
from lectern.commands.walking import Globs
from tests.doubles.scripted_lectern import HANG_UP, Answer, scripted_lectern

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


def found(*documents: dict[str, Any]) -> Answer:
    return 200, {"documents": list(documents)}


def ready(document_id: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return document(document_id, "ready", **fields)


NOTHING_KNOWN = found()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for path in paths:
        path.write_text(path.name)
    return paths


def added(
    url: str, paths: list[Path], out: StringIO, *, globs: Globs | None = None, limit_s: float = 0.0
) -> bool:
    client = Client(url)
    order = Order(paths, "default", globs or Globs())
    try:
        return add_files(client, order, Console(file=out, width=60), outage_limit_s=limit_s)
    finally:
        client.close()


def lines(out: StringIO) -> list[str]:
    return sorted(out.getvalue().splitlines())


def test_files_of_the_same_bytes_have_an_outcome_each(paths: list[Path]) -> None:
    out = StringIO()
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [accepted("1"), accepted("1"), accepted("2")],
        "POST /documents/lookup": [found(ready("1"), ready("2"))],
    }
    with scripted_lectern(answers) as url:
        assert added(url, paths, out)
    assert lines(out) == [f"✓ {name}: 1 page, 2 chunks" for name in ("a.txt", "b.txt", "c.txt")]


def test_the_same_file_named_twice_has_two_outcomes(paths: list[Path]) -> None:
    out = StringIO()
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [accepted("1")],
        "POST /documents/lookup": [found(ready("1"))],
    }
    with scripted_lectern(answers) as url:
        assert added(url, [paths[0], paths[0]], out)
    assert lines(out) == ["✓ a.txt: 1 page, 2 chunks"] * 2


def test_what_the_server_has_is_not_sent_and_what_failed_there_is(paths: list[Path]) -> None:
    out = StringIO()
    hashes = [hashlib.sha256(path.name.encode()).hexdigest() for path in paths]
    failed = document("2", "failed", content_sha256=hashes[1])
    answers = {
        "POST /documents/known": [
            found(
                ready("1", content_sha256=hashes[0]),
                failed,
                document("3", "parsing", content_sha256=hashes[2]),
            )
        ],
        "POST /documents": [accepted("2"), GONE],  # a second upload would be one too many
        "POST /documents/lookup": [found(ready("2"), ready("3"))],
    }
    with scripted_lectern(answers) as url:
        assert added(url, paths, out)
    assert lines(out) == [
        "✓ a.txt: 1 page, 2 chunks (already there)",
        "✓ b.txt: 1 page, 2 chunks",
        "✓ c.txt: 1 page, 2 chunks",
    ]


def test_a_document_that_is_gone_or_failed_does_not_end_the_others(paths: list[Path]) -> None:
    out = StringIO()
    error = {"code": "broken_file", "detail": "It is damaged.", "hint": "Save it anew."}
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [accepted("1"), accepted("2"), accepted("3")],
        "POST /documents/lookup": [
            found(document("2", "failed", error=error), document("3", "parsing")),
            found(ready("3")),
        ],
    }
    with scripted_lectern(answers) as url:
        # One batch is sent in its order, so the ids are those of the files.
        assert not added(url, paths, out)
    said = out.getvalue().splitlines()
    assert "✗ a.txt: its document was deleted meanwhile." in said
    assert "✗ b.txt: It is damaged. Save it anew. (broken_file)" in said
    assert "✓ c.txt: 1 page, 2 chunks" in said


def test_a_file_that_cannot_be_read_does_not_end_the_others(paths: list[Path]) -> None:
    out = StringIO()
    paths[0].unlink()
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [accepted("2"), BUSY],
        "POST /documents/lookup": [found(ready("2"))],
    }
    with scripted_lectern(answers) as url:
        assert not added(url, paths, out)
    assert lines(out) == [
        "✓ b.txt: 1 page, 2 chunks",
        "✗ a.txt: cannot be read: No such file or directory.",
        "✗ c.txt: It is busy. Wait. (unavailable)",
    ]


def test_when_the_server_goes_away_every_file_is_named(paths: list[Path]) -> None:
    out = StringIO()
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [accepted("1"), accepted("2"), accepted("3")],
        "POST /documents/lookup": [found(ready("1"), *waiting("2", "3")), HANG_UP],
    }
    with scripted_lectern(answers) as url, pytest.raises(httpx.TransportError):
        added(url, paths, out)
    assert lines(out) == [
        "✓ a.txt: 1 page, 2 chunks",
        *(f"✗ {name}: what became of it is not known." for name in ("b.txt", "c.txt")),
    ]


def waiting(*ids: str) -> list[dict[str, Any]]:
    return [document(one, "queued") for one in ids]


def test_a_server_that_is_away_for_a_while_or_busy_is_waited_for(paths: list[Path]) -> None:
    out = StringIO()
    full: Answer = (429, {"error": "queue_full", "detail": "It is full.", "hint": "Wait."})
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [BUSY, HANG_UP, full, accepted("1")],
        "POST /documents/lookup": [HANG_UP, found(ready("1"))],
    }
    with scripted_lectern(answers) as url:
        assert added(url, paths[:1], out, limit_s=60)
    assert lines(out) == ["✓ a.txt: 1 page, 2 chunks"]


def test_a_folder_is_summed_up_with_what_was_skipped(tmp_path: Path) -> None:
    out = StringIO()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "note.txt").write_text("A note.")
    (tmp_path / "program.bin").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "empty.txt").touch()
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [accepted("1")],
        "POST /documents/lookup": [found(ready("1"))],
    }
    with scripted_lectern(answers) as url:
        assert added(url, [tmp_path], out)
    assert out.getvalue().splitlines() == [
        "✓ below/note.txt: 1 page, 2 chunks",
        "3 files: 2 skipped (of no kind that is read), 1 ready",
    ]


def test_warnings_stand_under_the_line_of_their_file(paths: list[Path]) -> None:
    out = StringIO()
    warning = "Only the first 10,000 of 12,000 pages were read: \x1b[31mraise LECTERN_MAX_PAGES."
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [accepted("1")],
        "POST /documents/lookup": [found(ready("1", warnings=[warning]))],
    }
    with scripted_lectern(answers) as url:
        assert added(url, paths[:1], out)
    assert out.getvalue().splitlines() == [
        "✓ a.txt: 1 page, 2 chunks",
        "    " + warning.replace("\x1b", ""),
    ]


def test_what_is_attached_has_an_outcome_of_its_own(paths: list[Path]) -> None:
    out = StringIO()
    attachments = [{"document_id": "2", "filename": "plan.pdf"}]
    deeper = [{"document_id": "3", "filename": "deep.pdf"}]
    answers = {
        "POST /documents/known": [NOTHING_KNOWN],
        "POST /documents": [accepted("1")],
        "POST /documents/lookup": [
            found(ready("1", attachments=attachments)),
            found(document("2", "parsing")),
            found(ready("2", attachments=deeper)),
            found(),
        ],
    }
    with scripted_lectern(answers) as url:
        assert not added(url, paths[:1], out)
    assert out.getvalue().splitlines() == [
        "✓ a.txt: 1 page, 2 chunks",
        "✓ a.txt → plan.pdf: 1 page, 2 chunks",
        "✗ a.txt → plan.pdf → deep.pdf: its document was deleted meanwhile.",
    ]
