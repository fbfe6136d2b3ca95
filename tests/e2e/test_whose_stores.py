"""Two installations that are pointed at the same bucket and Qdrant, and restores beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bucket import Bucket, BucketServer
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.e2e.cluster import LecternWorker, MakeDataDir
from tests.e2e.server import LecternServer
from tests.postgres import new_database

BOATS = b"A coracle is a small round boat of willow."
OTHER_BOATS = b"A currach is a long boat of hide, with a mast of ash."


def lectern(
    data_dir: Path, settings: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lectern", *arguments],
        env={**os.environ, "LECTERN_DATA_DIR": str(data_dir), "LECTERN_PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@dataclass
class Place:
    """Stores that are shared, and two databases: one that goes with them, and an empty one."""

    qdrant: QdrantOverHttp
    bucket: Bucket
    ours: dict[str, str]
    theirs: dict[str, str]

    def owners(self) -> set[str | None]:
        return {self.bucket.owner(), *(self.qdrant.owner(name) for name in self.qdrant.created)}

    def nodes(self) -> set[tuple[Any, Any]]:
        """Of which documents and versions there are nodes."""
        [name] = self.qdrant.created
        with self.qdrant.turn:
            points, _ = self.qdrant.local.scroll(name, limit=10_000)
        return {
            ((one.payload or {})["document_id"], (one.payload or {})["version"]) for one in points
        }


@pytest.fixture
def place(postgres_server: str, bucket_server: BucketServer) -> Iterator[Place]:
    with ExitStack() as opened:
        qdrant = opened.enter_context(QdrantOverHttp())
        bucket = bucket_server.new_bucket()
        stores = {"QDRANT_URL": qdrant.url, "LECTERN_OCR": "off", **bucket.settings()}
        ours, theirs = (opened.enter_context(new_database(postgres_server)) for _ in range(2))
        yield Place(
            qdrant, bucket, {**stores, "DATABASE_URL": ours}, {**stores, "DATABASE_URL": theirs}
        )


def test_a_second_installation_changes_nothing_until_it_claims_the_stores(
    place: Place, make_data_dir: MakeDataDir
) -> None:
    replicas = [LecternServer(make_data_dir(), "--no-worker", **place.ours) for _ in range(2)]
    with ExitStack() as opened:
        opened.enter_context(LecternWorker(make_data_dir(), **place.ours))
        for replica in replicas:
            opened.callback(replica.__exit__, None, None, None)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(LecternServer.start, replicas))
        [owner] = place.owners()
        assert owner
        document_id = replicas[0].add("boats.txt", BOATS)["id"]
        before = (place.bucket.names(), place.nodes())

        for command in (("serve", "--no-worker"), ("worker",), ("doctor", "--repair")):
            refused = lectern(make_data_dir(), place.theirs, *command)
            assert refused.returncode == 1
            said = refused.stdout + refused.stderr
            assert f"belongs to another installation ({owner})" in said
            assert "lectern claim" in said
        looked = lectern(make_data_dir(), place.theirs, "doctor")
        assert f"belongs to another installation ({owner})" in looked.stdout
        assert "belong to no document" not in looked.stdout
        assert (place.bucket.names(), place.nodes()) == before == (before[0], {(document_id, 1)})
        assert replicas[1].search("willow")["hits"]

    claimed = lectern(make_data_dir(), place.theirs, "claim")
    assert claimed.returncode == 0, claimed.stderr
    assert claimed.stdout.count(f"was that of {owner}") == 2
    assert owner not in place.owners()
    refused = lectern(make_data_dir(), place.ours, "serve")
    assert (refused.returncode, "belongs to another" in refused.stderr) == (1, True)
    with LecternServer(make_data_dir(), **place.theirs) as taken:
        assert taken.http.get("/documents").json()["documents"] == []


def test_a_restore_leaves_nothing_of_before_in_the_index_and_the_stores_ours(
    place: Place, make_data_dir: MakeDataDir, tmp_path: Path
) -> None:
    data_dir, full, small = make_data_dir(), tmp_path / "full.tar", tmp_path / "small.tar"
    with LecternServer(data_dir, **place.ours) as server:
        boats = server.add("boats.txt", BOATS)["id"]
        for path, options in ((full, ()), (small, ("--without-vectors",))):
            done = lectern(data_dir, place.ours, "backup", str(path), *options)
            assert done.returncode == 0, done.stderr
        put = server.http.put(
            f"/documents/{boats}", files={"file": ("boats.txt", OTHER_BOATS)}
        ).json()
        server.wait_until_final(put["id"])
        more = server.add("more.txt", b"A punt is moved with a pole.")["id"]
        assert {(boats, 2), (more, 1)} <= place.nodes()
        owners = place.owners()

    # Beside an empty registry, what is there may be a service in use.
    refused = lectern(make_data_dir(), place.theirs, "restore", str(full))
    assert (refused.returncode, "has content" in refused.stderr) == (1, True)
    assert place.owners() == owners

    restored = lectern(data_dir, place.ours, "restore", str(full), "--force")
    assert restored.returncode == 0, restored.stderr
    assert place.nodes() == {(boats, 1)}
    assert place.owners() == owners
    with LecternServer(data_dir, **place.ours) as server:
        assert "coracle" in server.chat("What is a coracle?")["answer"]

    restored = lectern(data_dir, place.ours, "restore", str(small), "--force")
    assert restored.returncode == 0, restored.stderr
    assert place.nodes() == set()
    with LecternServer(data_dir, **place.ours) as server:
        server.wait_until_final(boats)
        assert place.nodes() == {(boats, 1)}


def test_a_backup_that_is_restored_beside_is_an_installation_of_its_own(
    place: Place, make_data_dir: MakeDataDir, bucket_server: BucketServer, tmp_path: Path
) -> None:
    data_dir, path = make_data_dir(), tmp_path / "all.tar"
    with QdrantOverHttp() as qdrant, LecternServer(data_dir, **place.ours) as living:
        living.add("boats.txt", BOATS)
        assert lectern(data_dir, place.ours, "backup", str(path)).returncode == 0
        bucket = bucket_server.new_bucket()
        copy = {**place.theirs, **bucket.settings(), "QDRANT_URL": qdrant.url}
        elsewhere = make_data_dir()
        restored = lectern(elsewhere, copy, "restore", str(path))
        assert restored.returncode == 0, restored.stderr
        with LecternServer(elsewhere, **copy) as beside:
            assert beside.search("willow")["hits"]
        [owner] = place.owners()
        assert bucket.owner() != owner
        mixed = lectern(elsewhere, place.theirs, "serve")
        assert (mixed.returncode, f"({owner})" in mixed.stderr) == (1, True)

        # Not by the way: only on purpose.
        over = lectern(elsewhere, place.theirs, "restore", str(path), "--force")
        assert (over.returncode, "lectern claim" in over.stderr) == (1, True)
        assert place.owners() == {owner}
        assert lectern(elsewhere, place.theirs, "claim").returncode == 0
        taken = lectern(make_data_dir(), place.theirs, "restore", str(path), "--force")
        assert taken.returncode == 0, taken.stderr
        assert owner not in place.owners()
        assert len(place.owners()) == 1
