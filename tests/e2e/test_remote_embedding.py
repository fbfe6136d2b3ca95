from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doubles.scripted_embedding import MODEL, ScriptedEmbedding
from tests.e2e.server import LecternServer


def test_another_embedding_serves_and_a_mix_of_two_stops_the_start(
    make_data_dir: Callable[[], Path],
) -> None:
    data_dir = make_data_dir()
    with ScriptedEmbedding() as embedding:
        with LecternServer(
            data_dir, LECTERN_EMBEDDING=embedding.base_url, LECTERN_EMBEDDING_MODEL=MODEL
        ) as server:
            assert server.add("boats.txt", b"A coracle is a small boat.")["status"] == "ready"
            found = server.search("Which small boat is a coracle?")
            assert found["hits"][0]["filename"] == "boats.txt"
        assert embedding.texts_embedded >= 3  # the probe, the chunk, the question

    with pytest.raises(AssertionError, match=f"embedded by {MODEL}"):
        LecternServer(data_dir).start()
