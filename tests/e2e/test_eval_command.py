"""`lectern eval` on a real server: the figures, the reports, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.test_command_line import lectern

SAMPLE = ROOT / "docs" / "sample"


@pytest.fixture
def data_dir(make_data_dir: Callable[[], Path]) -> Path:
    folder = make_data_dir()
    added = lectern(folder, "add", str(SAMPLE / "lighthouse.pdf"))
    assert added.returncode == 0, added.stderr
    return folder


def test_the_sample_is_measured_reported_and_compared(data_dir: Path, tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    hostile = '{"question": "Is <script>alert(1)</script> lit?", "answerable": false}\n'
    golden.write_text((SAMPLE / "questions.jsonl").read_text() + hostile)
    out = tmp_path / "reports"
    arguments = ("eval", str(golden), "--out", str(out))

    first = lectern(data_dir, *arguments)
    assert first.returncode == 0, first.stderr
    report = json.loads((out / "report.json").read_text())
    values = {figure["name"]: figure["value"] for figure in report["figures"]}
    assert values["recall@5"] == values["quote is verbatim in its page"] == 1
    assert values["answer contains the gold answer"] >= 0.8
    assert values["wrongly answered"] <= 0.34
    assert values["chat p50"] > 0
    assert len(report["questions"]) == 10
    page = (out / "report.html").read_text()
    assert "<svg" in page
    assert "<script>" not in page

    again = lectern(data_dir, *arguments)
    assert again.returncode == 0, again.stderr

    for figure in report["figures"]:
        if figure["name"] == "answer contains the gold answer":
            figure["value"] += 0.5
    (out / "baseline.json").write_text(json.dumps(report))
    for _ in range(2):  # what is worse stays worse until it is mended
        worse = lectern(data_dir, *arguments)
        assert worse.returncode == 1
        assert "worse by more than 0.02" in worse.stdout


def test_a_proposed_golden_set_can_be_measured_at_once_and_is_never_overwritten(
    data_dir: Path, tmp_path: Path
) -> None:
    golden, out = tmp_path / "made.jsonl", tmp_path / "reports"
    made = lectern(data_dir, "eval", str(golden), "--make", "20")
    assert made.returncode == 0, made.stderr
    assert "3 questions" in made.stdout  # a page each
    content = golden.read_text()
    refused = lectern(data_dir, "eval", str(golden), "--make", "20")
    assert refused.returncode == 1
    assert "exists already" in refused.stderr
    assert golden.read_text() == content
    measured = lectern(data_dir, "eval", str(golden), "--out", str(out))
    assert measured.returncode == 0, measured.stderr
    report = json.loads((out / "report.json").read_text())
    assert {figure["name"]: figure["value"] for figure in report["figures"]}["recall@5"] == 1


def test_a_golden_set_that_does_not_fit_is_refused_with_a_hint(
    data_dir: Path, tmp_path: Path
) -> None:
    golden = tmp_path / "golden.jsonl"
    golden.write_text('{"question": "How high?", "document": "tower.pdf", "pages": [1]}\n')
    refused = lectern(data_dir, "eval", str(golden))
    assert refused.returncode == 1
    assert "1 documents of the golden set are not in default: tower.pdf" in refused.stderr
    assert "lectern add" in refused.stderr
