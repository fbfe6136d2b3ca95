"""What `lectern doctor` says of faults that were made on purpose, and what it mends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from corpus.index.edge.store import EdgeVectorStore
from corpus.index.port import NodeStore
from corpus.index.selections import of_document
from corpus.registry.fingerprints import remember_fingerprint
from corpus.registry.indexes import KEPT, IndexState, begin_index
from corpus.registry.schema import indexes, jobs, workers
from corpus.settings import Settings
from lectern.commands.doctor import diagnose, examine
from lectern.commands.findings.machine import data_folder, disk
from lectern.commands.findings.registry import clock_skew
from lectern.commands.findings.repairing import repair
from lectern.commands.findings.telling import tell
from lectern.server.data_dir import owned
from lectern.server.gate import gate_open
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.samples.data_folder import BUILT_IN, TOWARDS_X, DataFolder
from tests.samples.index_nodes import a_node


def said(there: DataFolder) -> dict[str, str]:
    """What is not well, with what to do, by name."""
    found = [one for one in examine(there.settings) if one.mark != "ok"]
    assert all(one.hint or one.name == "  collection" for one in found)
    return {one.name.strip(): f"{one.mark}: {one.text} / {one.hint}" for one in found}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[DataFolder]:
    folder = tmp_path / "data"
    folder.mkdir()
    installation = DataFolder(folder)
    yield installation
    installation.registry.close()


def test_a_sound_installation_has_nothing_to_say(there: DataFolder) -> None:
    assert said(there) == {}


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert [one.mark for one in examine(Settings(data_dir=tmp_path / "new"))].count("broken") == 0
    assert not (tmp_path / "new").exists()


def test_faults_of_the_tables_are_told_with_the_way_out(there: DataFolder) -> None:
    there.sql("UPDATE alembic_version SET version_num = '0009'")
    assert "note: of an older release" in said(there)["tables"]
    there.sql("UPDATE alembic_version SET version_num = '9999'")
    assert "broken: a newer Lectern" in said(there)["tables"]


def test_another_embedding_is_told(there: DataFolder) -> None:
    with there.registry.write() as connection:
        remember_fingerprint(connection, "default", {**BUILT_IN, "model": "another"})
    assert "embedded by another" in said(there)["compared"]


def test_an_index_that_nobody_finishes_is_told_and_cleared_away(there: DataFolder) -> None:
    folder = there.settings.data_dir / "index-of-12345678"
    folder.mkdir()
    (folder / "segment").write_text("copper")
    with there.registry.write() as connection:
        begin_index(connection, "12345678", {**BUILT_IN, "model": "another"})
    assert said(there) == {}  # somebody is at it
    silent = datetime.now(UTC) - timedelta(hours=1)
    for since, state, words in (
        (silent, IndexState.BUILDING, "by another was begun"),
        (silent, IndexState.BUILT, "is built, and waits for the switch"),
        (silent - KEPT, IndexState.BUILT, "not wanted any more"),
    ):
        with there.registry.write() as connection:
            connection.execute(update(indexes).values(seen_at=since, state=state.value))
        assert words in said(there)["reindex"]
    assert tell(diagnose(there.settings, with_repair=True), as_json=True)
    assert not folder.exists()
    assert said(there) == {}


def test_a_queue_that_nobody_works_at_is_told(there: DataFolder) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=1)
    with there.registry.write() as connection:
        row = {"document_id": there.document_id, "run_after": long_ago, "created_at": long_ago}
        connection.execute(insert(jobs).values(id="j", version=1, state="queued", **row))
    assert "no worker is alive" in said(there)["worker"]
    with there.registry.write() as connection:
        now = datetime.now(UTC)
        connection.execute(insert(workers).values(name="w", started_at=now, seen_at=now))
    assert "the oldest" in said(there)["queue"]
    with there.registry.write() as connection:
        connection.execute(update(jobs).values(state="running", lease_until=long_ago))
    assert "said nothing for too long" in said(there)["queue"]
    there.sql("UPDATE versions SET status = 'failed'")
    assert "1 documents failed" in said(there)["documents"]


def test_orphans_both_ways_are_told_and_mended(
    there: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = a_node("stray", TOWARDS_X, document_id="99999999-9999-4999-8999-999999999999")

    def disorder(store: NodeStore) -> None:
        store.add([stray])
        store.delete(there.document_id)

    there.in_index(disorder)
    found = [one for one in examine(there.settings) if one.name.strip() == "index" and one.hint]
    assert [one.mark for one in found] == ["note", "broken"]
    assert "1 documents that are not registered" in found[0].text
    assert there.document_id in found[1].text
    assert not tell(diagnose(there.settings, with_repair=False), as_json=True)
    capsys.readouterr()
    assert tell(diagnose(there.settings, with_repair=True), as_json=True)
    told = json.loads(capsys.readouterr().out)["findings"]
    assert told[0]["name"] == "repaired"
    assert "1 documents that lack passages queued" in told[0]["text"]
    assert "1 documents' forgotten passages removed" in told[0]["text"]
    assert {"mark", "name", "text", "hint"} == set(told[0])


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_what_an_index_on_a_server_lacks_is_read_again(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    with QdrantOverHttp() as qdrant:
        said_of = {"QDRANT_URL": qdrant.url}
        if database == "postgres":
            said_of["DATABASE_URL"] = request.getfixturevalue("postgres_url")
        there = DataFolder(tmp_path, **said_of)
        another = "99999999-9999-4999-8999-999999999999"

        def disorder(store: NodeStore) -> None:
            store.add([a_node("stray", TOWARDS_X, document_id=another)])
            store.delete(there.document_id)

        there.in_index(disorder)
        [lacking] = [one for one in examine(there.settings) if there.document_id in one.text]
        assert "--repair" in lacking.hint
        assert "within the hour" not in lacking.hint
        with ExitStack() as serving:
            if database == "postgres":  # there, servers go on, and nobody else mends it
                serving.enter_context(owned(there.settings.data_dir))
                assert "while servers run" in lacking.hint
            [repaired] = repair(there.settings)
        assert "1 documents that lack passages queued" in repaired.text
        with there.registry.read() as connection:
            assert connection.execute(select(jobs.c.document_id)).scalar_one() == there.document_id
        counts = []
        there.in_index(lambda store: counts.append(store.count(of_document(another))))
        assert counts == [0]  # the collection bears our mark, so what nobody knows is nobody's
        there.registry.close()


def test_missing_and_forgotten_originals_are_told(there: DataFolder) -> None:
    there.originals.delete(there.content)
    assert "1 originals are missing" in said(there)["originals"]


def test_the_index_of_a_running_server_is_compared_through_its_gate(there: DataFolder) -> None:
    store = EdgeVectorStore.open(there.settings.data_dir / "index", 384)
    with owned(there.settings.data_dir), gate_open(there.settings.data_dir, store, BUILT_IN):
        assert "registry and index agree" in [one.text for one in examine(there.settings)]
        store.delete(there.document_id)
        assert there.document_id in said(there)["index"]
        assert not tell(diagnose(there.settings, with_repair=True), as_json=False)
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


def test_nothing_is_opened_in_the_folder_of_another_user(there: DataFolder) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    os.chown(there.settings.data_dir, 65534, 65534)
    assert "as the user that" in said(there)["doctor"]
    assert "registry" not in {one.name for one in examine(there.settings)}
    os.chown(there.settings.data_dir, 0, 0)
