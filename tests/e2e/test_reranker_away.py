from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.e2e.server import LecternServer
from tests.samples import files


def test_questions_are_answered_while_the_reranker_is_away(
    make_data_dir: Callable[[], Path],
) -> None:
    with LecternServer(make_data_dir(), LECTERN_RERANKER="http://127.0.0.1:9/v1") as server:
        server.add("anchor.pdf", files.pdf([["The anchor weighs 90 kilograms."]]))
        found = server.search("What does the anchor weigh?")
        assert found["degraded"] == ["reranker_unavailable"]
        assert [hit["filename"] for hit in found["hits"]] == ["anchor.pdf"]
        answer = server.chat("What does the anchor weigh?")
        assert answer["degraded"] == ["reranker_unavailable"]
        assert answer["state"] == "answered"
