"""Going back to what a document was, and which versions are kept for it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from corpus.access import UNRESTRICTED
from corpus.errors import (
    BrokenFile,
    DocumentNotFound,
    DuplicateContent,
    NothingToRollBack,
    OriginalMissing,
)
from corpus.index.edge.store import EdgeVectorStore
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import open_sqlite_registry
from corpus.registry.new_versions import Content
from corpus.registry.rollback import roll_back
from corpus.registry.schema import versions
from corpus.registry.uploads import Acceptance, accept_replacement
from corpus.values import Document, Status
from tests.integration.test_worker_outcomes import DIMENSION, World, stop_when_final

FIRST, SECOND, THIRD = "Ships sail", "Boats row", "Rafts drift"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    yield World(tmp_path, registry, FolderOriginals(tmp_path / "originals"), store)
    store.close()
    registry.close()


def finish(world: World, document_id: str) -> Document:
    stop_when_final(world, document_id)
    world.work(lambda _batch: None)
    return world.document(document_id)


def ingest(world: World, *texts: str) -> Document:
    """One document, with a version of each text."""
    for text in texts:
        document = finish(world, world.upload(text, "x").id)
    return document


def go_back(world: World, document_id: str) -> Acceptance:
    with world.registry.write() as connection:
        return roll_back(connection, document_id, UNRESTRICTED)


def answering(world: World, document_id: str) -> str:
    """The text that questions find now."""
    live = world.document(document_id).live_version
    nodes = [node for node in world.store.get_nodes() if node.metadata["version"] == live]
    assert len(nodes) == 150
    (text,) = {node.get_content().partition(" on page")[0] for node in nodes}
    return text


def kept_versions(world: World, document_id: str) -> dict[int, str]:
    """Version number to its original's sha256; each original must be there."""
    query = select(versions.c.version, versions.c.content_sha256).where(
        versions.c.document_id == document_id
    )
    with world.registry.read() as connection:
        kept = {row.version: row.content_sha256 for row in connection.execute(query)}
    for content in kept.values():
        with world.originals.local_copy(content) as path:
            assert sha256(path.read_bytes()).hexdigest() == content
    return kept


def is_stored(world: World, text: str) -> bool:
    try:
        with world.originals.local_copy(sha256(text.encode()).hexdigest()):
            return True
    except OriginalMissing:
        return False


def test_the_bytes_from_before_answer_again_and_a_second_time_undoes_it(world: World) -> None:
    document = ingest(world, FIRST, SECOND)
    queued = go_back(world, document.id)
    assert (queued.document.version, queued.document.status) == (3, Status.QUEUED)
    assert answering(world, document.id) == SECOND
    finish(world, document.id)
    assert answering(world, document.id) == FIRST
    go_back(world, document.id)
    assert finish(world, document.id).live_version == 4
    assert answering(world, document.id) == SECOND


def test_chunks_that_both_have_are_not_embedded_again(world: World) -> None:
    document = ingest(world, FIRST, f"{FIRST}|7={SECOND}")
    go_back(world, document.id)
    assert finish(world, document.id).chunks_reused == 149
    assert len(world.embedded) == 1


def test_with_one_version_there_is_nothing_to_go_back_to(world: World) -> None:
    document = world.upload(FIRST, "x")
    with pytest.raises(NothingToRollBack, match=r"f\.txt"):
        go_back(world, document.id)
    finish(world, document.id)
    with pytest.raises(NothingToRollBack):
        go_back(world, document.id)
    with pytest.raises(DocumentNotFound):
        go_back(world, "00000000-0000-4000-8000-000000000000")


def test_a_version_that_failed_is_given_up_for_the_one_that_answers(world: World) -> None:
    document = ingest(world, FIRST, SECOND)
    world.parser.error = BrokenFile("It is torn.")
    assert finish(world, world.upload(THIRD, "x").id).status is Status.FAILED
    world.parser.error = None
    go_back(world, document.id)
    final = finish(world, document.id)
    assert (final.live_version, final.status) == (4, Status.READY)
    assert answering(world, document.id) == SECOND
    # The state before that is still one step away.
    go_back(world, document.id)
    finish(world, document.id)
    assert answering(world, document.id) == FIRST


def test_a_version_that_waits_is_given_up_for_the_one_that_answers(world: World) -> None:
    document = ingest(world, FIRST)
    world.upload(SECOND, "x")
    assert go_back(world, document.id).document.version == 3
    finish(world, document.id)
    assert answering(world, document.id) == FIRST
    assert not is_stored(world, SECOND)


def test_bytes_that_are_another_documents_by_now_are_refused(world: World) -> None:
    document = finish(world, world.upload(FIRST).id)
    content = Content("0" * 64, 9, "text/plain")
    with world.registry.write() as connection:
        accept_replacement(connection, document.id, "f.txt", content, UNRESTRICTED)
    world.upload(FIRST)
    with pytest.raises(DuplicateContent):
        go_back(world, document.id)


def test_only_what_a_rollback_needs_is_kept(world: World) -> None:
    document = ingest(world, FIRST, SECOND, THIRD)
    assert list(kept_versions(world, document.id)) == [2, 3]
    assert [is_stored(world, text) for text in (FIRST, SECOND, THIRD)] == [False, True, True]


def test_an_original_that_another_document_has_too_stays(world: World) -> None:
    finish(world, world.upload(FIRST, "other").id)
    ingest(world, FIRST, SECOND, THIRD)
    assert is_stored(world, FIRST)


def test_a_missing_original_is_that_documents_error_and_comes_back_with_an_upload(
    world: World,
) -> None:
    document = world.upload(FIRST, "x")
    world.originals.delete(document.content_sha256)
    failed = finish(world, document.id)
    assert failed.error is not None
    assert failed.error.code == "original_missing"
    assert finish(world, world.upload(FIRST, "x").id).status is Status.READY
