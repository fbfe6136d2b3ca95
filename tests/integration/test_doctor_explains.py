"""What `lectern doctor` says of faults that were made on purpose, and what it mends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from corpus.access import UNRESTRICTED
from corpus.embedding.fingerprint import CHUNKER_VERSION
from corpus.index.edge.store import EdgeVectorStore
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import open_sqlite_registry
from corpus.registry.fingerprints import remember_fingerprint
from corpus.registry.indexes import KEPT, IndexState, begin_index
from corpus.registry.leases import claim_next
from corpus.registry.new_versions import Content
from corpus.registry.schema import indexes, jobs, workers
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.versions import complete_version
from corpus.settings import Settings
from corpus.values import Coverage, PageText
from lectern.commands.doctor import diagnose, examine
from lectern.commands.findings.machine import data_folder, disk
from lectern.commands.findings.registry import clock_skew
from lectern.server.data_dir import owned
from lectern.server.gate import gate_open
from tests.samples.index_nodes import a_node

BUILT_IN: dict[str, Any] = {
    "model": "all-MiniLM-L6-v2",
    "dimension": 384,
    "pooling": "mean",
    "prefix": "",
    "normalised": True,
    "chunker_version": CHUNKER_VERSION,
}
TOWARDS_X = [1.0] + [0.0] * 383


class Installation:
    """One live document in a data folder that nobody owns."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o700)
        self.settings = Settings(data_dir=folder)
        self.registry = open_sqlite_registry(folder / "registry.sqlite")
        self.originals = FolderOriginals(folder / "originals")
        with self.originals.stage(BytesIO(b"copper"), max_bytes=100) as staged:
            self.content = staged.content_sha256
            with self.registry.write() as connection:
                content = Content(self.content, 6, "text/plain")
                upload = Upload("default", "c.txt")
                document = accept_upload(connection, upload, content, UNRESTRICTED).document
                staged.keep()
        self.document_id = document.id
        with self.registry.write() as connection:
            job = claim_next(connection, "w")
            assert job is not None
            remember_fingerprint(connection, "default", BUILT_IN)
            complete_version(
                connection,
                job,
                read_pages=[PageText(1, "copper", 0)],
                page_count=1,
                chunk_count=1,
                coverage=Coverage(1),
            )
        self.in_index(lambda store: store.add([self.node()]))

    def node(self) -> Any:  # noqa: ANN401
        return a_node("copper", TOWARDS_X, document_id=self.document_id)

    def in_index(self, change: Callable[[EdgeVectorStore], object]) -> None:
        store = EdgeVectorStore.open(self.settings.data_dir / "index", 384)
        change(store)
        store.close()

    def said(self) -> dict[str, str]:
        """What is not well, with what to do, by name."""
        found = [one for one in examine(self.settings) if one.mark != "ok"]
        assert all(one.hint or one.name == "  collection" for one in found)
        return {one.name.strip(): f"{one.mark}: {one.text} / {one.hint}" for one in found}

    def sql(self, statement: str) -> None:
        with self.registry.write() as connection:
            connection.execute(text(statement))


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Installation]:
    folder = tmp_path / "data"
    folder.mkdir()
    installation = Installation(folder)
    yield installation
    installation.registry.close()


def test_a_sound_installation_has_nothing_to_say(there: Installation) -> None:
    assert there.said() == {}


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert [one.mark for one in examine(Settings(data_dir=tmp_path / "new"))].count("broken") == 0
    assert not (tmp_path / "new").exists()


def test_faults_of_the_tables_are_told_with_the_way_out(there: Installation) -> None:
    there.sql("UPDATE alembic_version SET version_num = '0009'")
    assert "note: of an older release" in there.said()["tables"]
    there.sql("UPDATE alembic_version SET version_num = '9999'")
    assert "broken: a newer Lectern" in there.said()["tables"]


def test_another_embedding_is_told(there: Installation) -> None:
    with there.registry.write() as connection:
        remember_fingerprint(connection, "default", {**BUILT_IN, "model": "another"})
    assert "embedded by another" in there.said()["compared"]


def test_an_index_that_nobody_finishes_is_told_and_cleared_away(there: Installation) -> None:
    folder = there.settings.data_dir / "index-of-12345678"
    folder.mkdir()
    (folder / "segment").write_text("copper")
    with there.registry.write() as connection:
        begin_index(connection, "12345678", {**BUILT_IN, "model": "another"})
    assert there.said() == {}  # somebody is at it
    silent = datetime.now(UTC) - timedelta(hours=1)
    for since, state, said in (
        (silent, IndexState.BUILDING, "by another was begun"),
        (silent, IndexState.BUILT, "is built, and waits for the switch"),
        (silent - KEPT, IndexState.BUILT, "not wanted any more"),
    ):
        with there.registry.write() as connection:
            connection.execute(update(indexes).values(seen_at=since, state=state.value))
        assert said in there.said()["reindex"]
    assert diagnose(there.settings, only_ready=False, with_repair=True, as_json=True)
    assert not folder.exists()
    assert there.said() == {}


def test_a_queue_that_nobody_works_at_is_told(there: Installation) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=1)
    with there.registry.write() as connection:
        row = {"document_id": there.document_id, "run_after": long_ago, "created_at": long_ago}
        connection.execute(insert(jobs).values(id="j", version=1, state="queued", **row))
    assert "no worker is alive" in there.said()["worker"]
    with there.registry.write() as connection:
        now = datetime.now(UTC)
        connection.execute(insert(workers).values(name="w", started_at=now, seen_at=now))
    assert "the oldest" in there.said()["queue"]
    with there.registry.write() as connection:
        connection.execute(update(jobs).values(state="running", lease_until=long_ago))
    assert "said nothing for too long" in there.said()["queue"]
    there.sql("UPDATE versions SET status = 'failed'")
    assert "1 documents failed" in there.said()["documents"]


def test_orphans_both_ways_are_told_and_mended(
    there: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = a_node("stray", TOWARDS_X, document_id="99999999-9999-4999-8999-999999999999")

    def disorder(store: EdgeVectorStore) -> None:
        store.add([stray])
        store.delete(there.document_id)

    there.in_index(disorder)
    found = [one for one in examine(there.settings) if one.name.strip() == "index" and one.hint]
    assert [one.mark for one in found] == ["note", "broken"]
    assert "1 documents that are not registered" in found[0].text
    assert there.document_id in found[1].text
    assert not diagnose(there.settings, only_ready=False, with_repair=False, as_json=True)
    capsys.readouterr()
    assert diagnose(there.settings, only_ready=False, with_repair=True, as_json=True)
    told = json.loads(capsys.readouterr().out)["findings"]
    assert told[0]["name"] == "repaired"
    assert "1 documents that lack passages queued" in told[0]["text"]
    assert "1 documents' forgotten passages removed" in told[0]["text"]
    assert {"mark", "name", "text", "hint"} == set(told[0])


def test_missing_and_forgotten_originals_are_told(there: Installation) -> None:
    there.originals.delete(there.content)
    assert "1 originals are missing" in there.said()["originals"]


def test_the_index_of_a_running_server_is_compared_through_its_gate(there: Installation) -> None:
    store = EdgeVectorStore.open(there.settings.data_dir / "index", 384)
    with owned(there.settings.data_dir), gate_open(there.settings.data_dir, store):
        assert "registry and index agree" in [one.text for one in examine(there.settings)]
        store.delete(there.document_id)
        assert there.document_id in there.said()["index"]
        assert not diagnose(there.settings, only_ready=False, with_repair=True, as_json=False)
    store.close()


def test_a_folder_that_others_may_read_and_a_full_disk_are_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    [_, remark] = data_folder(tmp_path)
    assert (remark.mark, "chmod 700" in remark.hint) == ("note", True)
    assert [one.mark for size in (1 << 40, 1 << 29, 1 << 20) for one in disk(size)] == [
        "note",
        "broken",
    ]


def test_clocks_that_differ_are_told() -> None:
    assert list(clock_skew(0.5)) == []
    [behind] = clock_skew(-5.0)
    [ahead] = clock_skew(60.0)
    assert (behind.mark, "5 s behind" in behind.text) == ("note", True)
    assert (ahead.mark, "60 s ahead" in ahead.text) == ("broken", True)


def test_a_postgres_registry_is_looked_at_as_well(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, DATABASE_URL=postgres_url)
    names = [(one.mark, one.name) for one in examine(settings)]
    assert ("ok", "registry") in names
    away = Settings(data_dir=tmp_path, DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    [registry] = [one for one in examine(away) if one.name == "registry"]
    assert registry.mark == "broken"
    assert "DATABASE_URL" in registry.hint


def test_nothing_is_opened_in_the_folder_of_another_user(there: Installation) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    os.chown(there.settings.data_dir, 65534, 65534)
    assert "as the user that" in there.said()["doctor"]
    assert "registry" not in {one.name for one in examine(there.settings)}
    os.chown(there.settings.data_dir, 0, 0)
