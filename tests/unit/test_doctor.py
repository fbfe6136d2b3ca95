from __future__ import annotations

from pathlib import Path

import pytest

from corpus.settings import Settings
from lectern.commands.doctor import examine, examine_server
from lectern.server.data_dir import announce, owned
from tests.doubles.scripted_lectern import HANG_UP, Answer, scripted_lectern
from tests.doubles.scripted_llm import ScriptedLlm
from tests.installed import require_program

READY: Answer = (200, {"status": "ready", "checks": {"index": "ok", "worker": "ok"}})
NOT_READY: Answer = (503, {"status": "not_ready", "checks": {"index": "ok", "worker": "none"}})
ANOTHER: Answer = (404, {"message": "no such route"})


@pytest.mark.parametrize(
    ("answer", "marks"),
    [
        (READY, ["ok", "ok", "ok"]),
        (NOT_READY, ["ok", "ok", "broken"]),
        (ANOTHER, ["broken"]),
        (HANG_UP, ["broken"]),
    ],
)
def test_a_server_is_as_good_as_each_of_its_checks(
    tmp_path: Path, answer: Answer, marks: list[str]
) -> None:
    with scripted_lectern({"GET /readyz": [answer]}) as url, owned(tmp_path):
        announce(tmp_path, url)
        found = list(examine_server(Settings(data_dir=tmp_path)))
    assert [finding.mark for finding in found] == marks


def test_no_server_is_not_a_ready_one(tmp_path: Path) -> None:
    assert [finding.mark for finding in examine_server(Settings(data_dir=tmp_path))] == ["broken"]


def test_programs_for_pictures_and_old_files_are_named_with_their_languages(
    tmp_path: Path,
) -> None:
    require_program("tesseract")
    known = {finding.name: finding for finding in examine(Settings(data_dir=tmp_path))}
    assert "eng" in known["OCR"].text
    assert known["LibreOffice"].mark == "ok"
    unknown = Settings(data_dir=tmp_path, ocr_languages="eng+tlh")
    [ocr] = [finding for finding in examine(unknown) if finding.name == "OCR"]
    assert (ocr.mark, "not tlh" in ocr.text) == ("broken", True)
    off = Settings(data_dir=tmp_path, ocr="off")
    assert "off" in next(finding.text for finding in examine(off) if finding.name == "OCR")


def test_an_llm_is_named_with_its_address_and_what_it_lacks(tmp_path: Path) -> None:
    def answers(settings: Settings) -> tuple[str, str]:
        [finding] = [one for one in examine(settings) if one.name == "answers"]
        return finding.mark, finding.text

    named = Settings(data_dir=tmp_path, llm="ollama", llm_model="m")
    with ScriptedLlm() as llm:
        there = named.model_copy(update={"llm_base_url": llm.root_url})
        assert answers(there) == ("ok", f"m at {llm.root_url}")
    assert answers(there)[0] == "broken"
    mark, text = answers(named.model_copy(update={"llm": "anthropic"}))
    assert (mark, "LECTERN_LLM_API_KEY" in text) == ("broken", True)
