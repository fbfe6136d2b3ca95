from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corpus.index.server.connection import ServerAddress
from corpus.index.server.store import ServerVectorStore
from corpus.settings import Settings
from lectern.commands.doctor import examine
from lectern.commands.findings.running import examine_server
from lectern.server.data_dir import announce, owned
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.doubles.scripted_lectern import HANG_UP, Answer, scripted_lectern
from tests.doubles.scripted_llm import ScriptedLlm
from tests.installations import an_installation
from tests.installed import require_program
from tests.samples.index_nodes import DIMENSION, a_node

READY: Answer = (200, {"status": "ready", "checks": {"index": "ok", "worker": "ok"}})
DEGRADED: Answer = (200, {"status": "ready", "checks": {"index": "ok", "worker": "none"}})
NOT_READY: Answer = (503, {"status": "not_ready", "checks": {"index": "ok", "worker": "none"}})
ANOTHER: Answer = (404, {"message": "no such route"})


@pytest.mark.parametrize(
    ("answer", "marks"),
    [
        (READY, ["ok", "ok", "ok"]),
        (DEGRADED, ["ok", "ok", "note"]),
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
        return finding.mark, f"{finding.text} {finding.hint}".strip()

    named = Settings(data_dir=tmp_path, llm="ollama", llm_model="m")
    with ScriptedLlm() as llm:
        there = named.model_copy(update={"llm_base_url": llm.root_url})
        assert answers(there) == ("ok", f"m at {llm.root_url}")
    assert answers(there)[0] == "broken"
    mark, text = answers(named.model_copy(update={"llm": "anthropic"}))
    assert (mark, "LECTERN_LLM_API_KEY" in text) == ("broken", True)


def test_a_qdrant_server_is_named_with_its_collections_and_what_differs(tmp_path: Path) -> None:
    def said(**more: Any) -> list[tuple[str, str]]:  # noqa: ANN401
        settings = Settings(data_dir=tmp_path, QDRANT_URL=double.url, **more)
        found = list(examine(settings))
        start = next(at for at, one in enumerate(found) if one.name == "index")
        end = next(at for at, one in enumerate(found) if one.name == "answers")
        return [(one.mark, f"{one.text} {one.hint}".strip()) for one in found[start:end]]

    with QdrantOverHttp(api_key="right") as double:
        [(mark, text)] = said()
        assert (mark, "QDRANT_API_KEY" in text) == ("broken", True)
        assert said(QDRANT_API_KEY="right") == [("ok", f"Qdrant 1.20.0 at {double.url}")]
        address = ServerAddress(double.url, "right")
        ours = ServerVectorStore(address, "lectern-abc", DIMENSION, an_installation())
        ours.add([a_node()])
        there = ("ok", "lectern-abc, about 1 chunks")
        assert said(QDRANT_API_KEY="right")[1:] == [there]
        double.version = "1.18.0"
        old, replicas = said(QDRANT_API_KEY="right", qdrant_replicas=2)[2:]
        assert (old[0], replicas[0]) == ("note", "note")
        assert "older than 1.19" in old[1]
        assert "replication_factor 1, and LECTERN_QDRANT_REPLICAS says 2" in replicas[1]
        ours.close()
    assert said(QDRANT_API_KEY="right")[0][0] == "broken"
