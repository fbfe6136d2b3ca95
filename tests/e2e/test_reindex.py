"""Another embedding for what is there: built beside a server that answers, then switched to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.doubles.scripted_embedding import MODEL, ScriptedEmbedding
from tests.e2e.server import LecternServer

MakeDataDir = Callable[[], Path]


def reindex(data_dir: Path, *options: str, **settings: str) -> str:
    done = subprocess.run(
        command(data_dir, *options),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **settings},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(data_dir: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "lectern", "reindex", "--data-dir", str(data_dir), *options]


def expect(server: LecternServer, question: str, document_id: str) -> None:
    assert server.search(question)["hits"][0]["document_id"] == document_id


def test_answers_go_on_while_another_embedding_is_built_and_are_of_it_afterwards(
    make_data_dir: MakeDataDir,
) -> None:
    data_dir = make_data_dir()
    with ScriptedEmbedding() as embedding:
        new = {"LECTERN_EMBEDDING": embedding.base_url, "LECTERN_EMBEDDING_MODEL": MODEL}
        with LecternServer(data_dir) as server:
            boats = server.add("boats.txt", b"A coracle is a small boat.")["id"]
            gone = server.add("bells.txt", b"The bronze bell rings at noon.")["id"]
            assert "restart the server with the new settings" in reindex(data_dir, **new)
            expect(server, "Which boat is a coracle?", boats)
            assert server.http.delete(f"/documents/{gone}").is_success
            late = server.add("honey.txt", b"Heather honey is exported.")["id"]
        embedded_before = embedding.texts_embedded
        with LecternServer(data_dir, **new) as server:
            # The probes of the server's embeddings, and what changed since.
            assert embedding.texts_embedded - embedded_before < 8
            expect(server, "Which boat is a coracle?", boats)
            expect(server, "Is heather honey exported?", late)
            found = server.search("When does the bronze bell ring?")["hits"]
            assert gone not in {hit["document_id"] for hit in found}
        assert "Nothing was to be done" in reindex(data_dir, **new)
        assert {path.name.partition(".")[0] for path in data_dir.glob("index*")} == {
            next(data_dir.glob("index-of-*.current")).name.partition(".")[0]
        }
    assert "embedded as configured now" in reindex(data_dir)
    with LecternServer(data_dir) as server:
        expect(server, "Which boat is a coracle?", boats)
        assert server.chat("What is a coracle?")["citations"][0]["document_id"] == boats


def test_killed_at_any_moment_it_goes_on_with_the_same_command(make_data_dir: MakeDataDir) -> None:
    data_dir = make_data_dir()
    ids = {}
    with LecternServer(data_dir) as server:
        for name in ("copper", "wheat", "linen"):
            text = f"The {name} station was opened by a man named {name.title()}son. " * 200
            ids[name] = server.add(f"{name}.txt", text.encode())["id"]
    with ScriptedEmbedding() as embedding:
        new = {"LECTERN_EMBEDDING": embedding.base_url, "LECTERN_EMBEDDING_MODEL": MODEL}
        for moment_s in (1.5, 2.5, 3.0, 3.5, 4.0, 5.0):
            process = subprocess.Popen(command(data_dir), env={**os.environ, **new})
            time.sleep(moment_s)
            process.send_signal(signal.SIGKILL)
            process.wait()
        reindex(data_dir, **new)
        with LecternServer(data_dir, **new) as server:
            for name, document_id in ids.items():
                assert server.wait_until_final(document_id)["status"] == "ready"
                expect(server, f"Who opened the {name} station?", document_id)


def test_other_chunks_are_made_while_documents_answer(make_data_dir: MakeDataDir) -> None:
    data_dir = make_data_dir()
    text = "The lamp of the lighthouse burns oil that the boat brings on Mondays. " * 40
    with LecternServer(data_dir) as server:
        document = server.add("lamp.txt", text.encode())
    assert "1 documents are read again" in reindex(data_dir, "--chunks")
    with LecternServer(data_dir, LECTERN_CHUNK_TOKENS="64") as server:
        expect(server, "Which oil does the lamp burn?", document["id"])
        assert server.wait_until_final(document["id"])["chunks"] > document["chunks"]
