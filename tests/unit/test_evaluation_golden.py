"""Reading golden sets: what is in them, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.errors import InvalidRequest
from lectern.evaluation.golden import Golden, read_golden


def test_questions_are_read_in_order_and_remarks_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(
        '{"question": " How much? ", "document": "a.pdf", "pages": [3, 4], "type": "remark"}\n'
        "\n"
        '{"question": "Who?", "answerable": false}\n'
    )
    first, second = read_golden(path)
    assert first == Golden(question="How much?", document="a.pdf", pages=frozenset({3, 4}))
    assert first.has_place
    assert not second.has_place


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "line 2: Invalid JSON"),
        ('{"answer": "42"}', "line 2: question: Field required"),
        ('{"question": "  "}', "line 2: question: String should have at least 1"),
        ('{"question": "q", "pages": [1]}', "line 2: .*need a document"),
        ('{"question": "q", "document": "a", "paragraph": -1}', "line 2: paragraph: "),
        ('{"question": "q", "history": "not a list"}', "line 2: history: "),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text('{"question": "fine"}\n' + line + "\n")
    with pytest.raises(InvalidRequest, match=said):
        read_golden(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"none\.jsonl cannot be read: No such file"):
        read_golden(tmp_path / "none.jsonl")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe"])
def test_a_file_without_questions_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest):
        read_golden(path)
