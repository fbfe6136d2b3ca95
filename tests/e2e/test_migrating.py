"""A folder is asked, migrated while nobody serves it, and asked again on servers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from corpus.index.server.connection import ServerAddress
from corpus.index.server.store import ServerVectorStore
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.e2e.cluster import LecternWorker, MakeDataDir
from tests.e2e.server import LecternServer
from tests.installations import an_installation
from tests.postgres import new_database
from tests.samples import files
from tests.samples.index_nodes import a_node

QUESTION = "What is a coracle?"


def migrate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = LecternServer(folder)
    return subprocess.run(
        [sys.executable, "-m", "lectern", "migrate", *options],
        env=command.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_was_asked_in_the_folder_is_answered_alike_on_servers(
    make_data_dir: MakeDataDir, postgres_server: str
) -> None:
    folder = make_data_dir()
    with QdrantOverHttp() as qdrant, new_database(postgres_server) as database_url:
        targets = ("--to-qdrant", qdrant.url, "--to-database", database_url)
        with LecternServer(folder) as embedded:
            boats = embedded.add("boats.txt", b"A coracle is a small round boat of willow.")
            embedded.add("slate.pdf", files.long_pdf(3, "slate"))
            before = embedded.chat(QUESTION)
            slate = embedded.search("slate station", top_k=20)["hits"]
            refused = migrate(folder, *targets)
            assert (refused.returncode, str(embedded.pid) in refused.stderr) == (1, True)
            assert qdrant.created == {}

        elsewhere = make_data_dir()
        blobs = ("--to-blobs", str(elsewhere / "originals"))
        done = migrate(folder, *targets, *blobs)
        assert done.returncode == 0, done.stderr
        assert "100% of the nearest are the same" in done.stdout
        assert "2 documents" in done.stdout
        again = migrate(folder, *targets, *blobs)
        assert again.returncode == 0, again.stderr
        assert "nodes: 0 copied" in again.stdout
        assert "originals: 0 copied" in again.stdout
        assert "rows: all there already" in again.stdout

        shared = {"DATABASE_URL": database_url, "QDRANT_URL": qdrant.url}
        worker_folder = make_data_dir()
        (worker_folder / "originals").symlink_to(elsewhere / "originals")
        with (
            LecternWorker(worker_folder, **shared),
            LecternServer(elsewhere, "--no-worker", **shared) as served,
        ):
            after = served.chat(QUESTION)
            for part in ("answer", "state"):
                assert after[part] == before[part]
            quotes = [one["quote"] for one in before["citations"]]
            assert [one["quote"] for one in after["citations"]] == quotes
            found = served.search("slate station", top_k=20)["hits"]
            assert [hit["text"] for hit in found] == [hit["text"] for hit in slate]
            told = served.http.get(f"/conversations/{before['conversation_id']}").json()
            assert told["turns"][0]["answer"] == before["answer"]
            original = served.http.get(f"/documents/{boats['id']}/content")
            assert original.content == b"A coracle is a small round boat of willow."
            assert served.add("more.txt", b"A currach is a boat of hide.")["status"] == "ready"
            assert served.http.delete(f"/documents/{boats['id']}").json()["verified"]

            there = served.search("slate station", top_k=20)["hits"]

            # The database has gone on: what was deleted there must not come back.
            written = qdrant.counted()[("PUT", "/collections/{name}/points")]
            late = migrate(folder, *targets, *blobs)
            assert (late.returncode, "The database is not empty" in late.stderr) == (1, True)
            alone = migrate(folder, "--to-qdrant", qdrant.url)
            assert (alone.returncode, "another installation" in alone.stderr) == (1, True)
            assert qdrant.counted()[("PUT", "/collections/{name}/points")] == written
            assert served.search("slate station", top_k=20)["hits"] == there

        with LecternServer(folder) as untouched:
            assert untouched.chat(QUESTION)["citations"][0]["document_id"] == boats["id"]


def test_a_server_where_others_have_nodes_is_refused_and_nothing_else_is_copied(
    make_data_dir: MakeDataDir, postgres_server: str
) -> None:
    folder = make_data_dir()
    with QdrantOverHttp() as qdrant, new_database(postgres_server) as database_url:
        with LecternServer(folder) as embedded:
            embedded.add("boats.txt", b"A coracle is a small round boat of willow.")
        assert migrate(folder, "--to-qdrant", qdrant.url).returncode == 0
        [name] = qdrant.created
        foreign = a_node("theirs", [1.0] * 384)
        theirs = an_installation(qdrant.owner(name) or "")
        store = ServerVectorStore(ServerAddress(qdrant.url), name, 384, theirs)
        store.add([foreign])
        store.close()
        targets = ("--to-qdrant", qdrant.url, "--to-database", database_url)
        refused = migrate(folder, *targets)
        assert refused.returncode == 1
        assert f"{name} has nodes that are not in this folder" in refused.stderr
        assert "rows" not in refused.stdout


def test_where_to_must_be_said(make_data_dir: MakeDataDir) -> None:
    refused = migrate(make_data_dir())
    assert (refused.returncode, "--to-qdrant" in refused.stderr) == (1, True)
