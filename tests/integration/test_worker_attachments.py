"""The worker on documents that carry others; parser and embedding are doubles."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document
from corpus.errors import DocumentNotFound
from corpus.index.edge.store import EdgeVectorStore
from corpus.kinds.known import FileKind
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import open_sqlite_registry
from corpus.registry.documents import list_documents
from corpus.registry.steering import ingest_again
from corpus.values import Document, Status
from ingestion.parsing.parsed import Attachment, BlockDraft, ParsedDocument, assemble
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.pipeline.ports import OnProgress
from tests.integration.test_worker_outcomes import DIMENSION, ScriptedParser, World


@dataclass
class CarryingParser(ScriptedParser):
    """Of "Hello|a.txt=Ships sail|b.txt=Boats row" one page says Hello, two files are attached.

    A file's "0" is a NUL.
    """

    def parse(
        self, path: Path, kind: FileKind, *, on_progress: OnProgress, scratch: Scratch | None
    ) -> ParsedDocument:
        words, *files = path.read_text().split("|")
        attachments = []
        for number, (name, content) in enumerate(one.split("=") for one in files):
            assert scratch is not None
            scratch.write(f"f{number}", content.encode().replace(b"0", b"\0"))
            attachments.append(Attachment(filename=name, scratch_name=f"f{number}"))
        drafts = [BlockDraft(kind="text", text=words)]
        return assemble([(1, drafts)], attachments=tuple(attachments))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    originals = FolderOriginals(tmp_path / "originals")
    yield World(tmp_path, registry, originals, store, parser=CarryingParser())
    store.close()
    registry.close()


def everything(world: World) -> dict[str, Document]:
    """All documents by filename."""
    with world.registry.read() as connection:
        found, _ = list_documents(connection, UNRESTRICTED)
    return {document.filename: document for document in found}


def work_off(world: World) -> None:
    """Run a worker until nothing is left to do."""

    def watch() -> None:
        while not all(document.status.is_final for document in everything(world).values()):
            if world.stop.wait(0.02):
                return
        world.stop.set()
        world.wake.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    world.work(lambda _batch: None)
    watcher.join()


def say(node_texts: World) -> set[str]:
    """What the index holds."""
    return {node.get_content() for node in node_texts.store.get_nodes()}


def originals(world: World) -> int:
    folder = world.folder / "originals"
    return sum(path.is_file() for path in folder.rglob("*"))


def test_what_a_document_carries_becomes_documents_that_are_ingested(world: World) -> None:
    world.upload("Hello|a.txt=Ships sail|b.txt=Boats row")
    work_off(world)
    found = everything(world)
    assert {document.status for document in found.values()} == {Status.READY}
    assert set(found) == {"f.txt", "a.txt", "b.txt"}
    assert {one.document_id for one in found["f.txt"].attachments} == {
        found["a.txt"].id,
        found["b.txt"].id,
    }
    assert say(world) == {"Hello", "Ships sail", "Boats row"}
    assert originals(world) == 3


def test_files_that_cannot_become_documents_are_named_and_the_others_are_taken(
    world: World,
) -> None:
    world.upload("Hello|a.bin=0000|b.txt=|c.txt=Ships sail")
    work_off(world)
    found = everything(world)
    assert set(found) == {"f.txt", "c.txt"}
    assert found["f.txt"].status is Status.READY
    assert found["f.txt"].warnings == (
        "Attachments that were not read (of no kind that is read here): a.bin.",
        "Attachments that were not read (empty): b.txt.",
    )


def test_a_child_that_cannot_be_read_fails_alone(world: World) -> None:
    world.upload("Hello|a.txt=\n\n|b.txt=Ships sail")
    work_off(world)
    found = everything(world)
    assert {name: document.status for name, document in found.items()} == {
        "f.txt": Status.READY,
        "a.txt": Status.FAILED,
        "b.txt": Status.READY,
    }
    assert found["f.txt"].warnings == ()


def test_reading_the_same_again_doubles_nothing(world: World) -> None:
    document = world.upload("Hello|a.txt=Ships sail")
    work_off(world)
    before = everything(world)["a.txt"]
    with world.registry.write() as connection:
        ingest_again(connection, document.id, UNRESTRICTED)
    work_off(world)
    after = everything(world)
    assert after["f.txt"].live_version == 2
    assert (after["a.txt"].id, after["a.txt"].version) == (before.id, 1)
    assert len(after) == world.store.count(None) == 2


def test_new_bytes_keep_the_children_they_still_carry_and_remove_the_others(
    world: World,
) -> None:
    world.upload("Hello|a.txt=Ships sail|b.txt=Boats row", "x")
    work_off(world)
    before = everything(world)
    world.upload("Hello again|b.txt=Boats row|c.txt=Rafts drift", "x")
    work_off(world)
    after = everything(world)
    assert set(after) == {"f.txt", "b.txt", "c.txt"}
    assert (after["b.txt"].id, after["b.txt"].version) == (before["b.txt"].id, 1)
    assert say(world) == {"Hello again", "Boats row", "Rafts drift"}
    with pytest.raises(DocumentNotFound):
        world.document(before["a.txt"].id)


def test_deleting_a_document_deletes_what_it_carries_and_says_so(world: World) -> None:
    document = world.upload("Hello|a.txt=Ships sail|b.txt=Boats row")
    work_off(world)
    receipt = delete_document(
        world.registry, world.originals, world.store, document.id, UNRESTRICTED
    )
    assert (receipt.points_removed, receipt.children_deleted, receipt.verified) == (3, 2, True)
    assert everything(world) == {}
    assert world.store.count(None) == 0
    assert originals(world) == 0


def test_a_document_deleted_while_it_is_embedded_leaves_no_child(world: World) -> None:
    document = world.upload("Hello|a.txt=Ships sail")

    def delete_then_stop(_batch: int) -> None:
        delete_document(world.registry, world.originals, world.store, document.id, UNRESTRICTED)
        world.stop.set()

    world.work(delete_then_stop)
    assert everything(world) == {}
    assert world.store.count(None) == 0
    assert originals(world) == 0


def test_a_worker_stopped_before_the_end_leaves_no_child_and_the_next_one_adds_them_once(
    world: World,
) -> None:
    world.upload("Hello|a.txt=Ships sail")
    world.work(lambda _batch: world.stop.set())
    assert set(everything(world)) == {"f.txt"}
    work_off(world)
    assert set(everything(world)) == {"f.txt", "a.txt"}
    assert world.store.count(None) == 2
