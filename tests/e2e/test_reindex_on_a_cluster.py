"""Another embedding on a cluster, beside a server that answers and a worker that nobody hears."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.doubles.scripted_embedding import MODEL, ScriptedEmbedding
from tests.e2e.cluster import LecternWorker
from tests.e2e.server import LecternServer
from tests.e2e.test_on_a_qdrant_server import until
from tests.e2e.test_reindex import expect, reindex
from tests.samples import files

MakeDataDir = Callable[[], Path]


def test_the_switch_is_undone_by_nobody_and_old_processes_say_so(
    make_data_dir: MakeDataDir, postgres_url: str
) -> None:
    folders = [make_data_dir() for _ in range(5)]
    common = folders[0].with_name(f"{folders[0].name}-originals")
    common.mkdir()
    for folder in folders:
        (folder / "originals").symlink_to(common)
    with QdrantOverHttp() as qdrant, ScriptedEmbedding() as embedding:
        shared = {"DATABASE_URL": postgres_url, "QDRANT_URL": qdrant.url}
        new = {
            **shared,
            "LECTERN_EMBEDDING": embedding.base_url,
            "LECTERN_EMBEDDING_MODEL": MODEL,
        }
        with (
            LecternWorker(folders[0], **shared) as old_worker,
            LecternServer(folders[1], "--no-worker", **shared) as old_server,
            ExitStack() as asleep,
        ):
            boats = old_server.add("boats.txt", b"A coracle is a small round boat.")["id"]
            gone = old_server.add("bells.txt", b"The bronze bell rings at noon.")["id"]
            slate = old_server.upload("slate.pdf", files.long_pdf(60, "slate")).json()["id"]
            until(lambda: slate in documents_in(qdrant)[0], "nothing of it was written")
            asleep.enter_context(suspended(old_worker.pid, postgres_url))
            assert "embedded as configured now" in reindex(folders[2], **new)

            refused = old_server.http.post("/chat", json={"message": "What is a coracle?"})
            assert (refused.status_code, refused.json()["error"]) == (503, "index_superseded")
            assert "lectern reindex" in refused.json()["hint"]
            unready = old_server.http.get("/readyz")
            assert unready.status_code == 503
            assert MODEL in unready.json()["checks"]["index"]
            assert old_server.http.delete(f"/documents/{gone}").is_success
            assert documents_in(qdrant) == [{boats, slate}, {boats}]

            asleep.close()
            until(lambda: not old_worker.is_alive, "the worker with old settings goes on")
            assert "Everything was embedded anew" in old_worker.log.read_text()
            assert old_server.http.get(f"/documents/{slate}").json()["status"] == "queued"
        with (
            LecternWorker(folders[3], **new),
            LecternServer(folders[4], "--no-worker", **new) as new_server,
        ):
            assert new_server.wait_until_final(slate)["status"] == "ready"
            expect(new_server, "Which boat is a coracle?", boats)
            assert documents_in(qdrant)[1] == {boats, slate}


@contextmanager
def suspended(pid: int, database_url: str) -> Iterator[None]:
    """As if the machine of the worker slept: it says nothing, and is not dead."""
    os.kill(pid, signal.SIGSTOP)
    try:
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE workers SET seen_at = seen_at - interval '1 hour'")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def documents_in(qdrant: QdrantOverHttp) -> list[set[str]]:
    """Whose nodes each collection has, the oldest collection first."""
    with qdrant.turn:
        return [
            {(one.payload or {})["document_id"] for one in qdrant.local.scroll(name, limit=9999)[0]}
            for name in qdrant.created
        ]
