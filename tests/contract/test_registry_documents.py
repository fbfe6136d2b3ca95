from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from corpus.access import UNRESTRICTED
from corpus.errors import DocumentNotFound, InvalidRequest, PageNotFound, StorageUnavailable
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import bury
from corpus.registry.documents import find_content, find_page, find_page_texts, list_documents
from corpus.registry.leases import claim_next
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.versions import complete_version
from corpus.values import Coverage, Original, PageText
from service.rest.originals import open_original


@pytest.fixture
def originals(tmp_path: Path) -> FolderOriginals:
    return FolderOriginals(tmp_path / "originals")


def add(registry: Registry, originals: FolderOriginals, content: bytes, name: str = "a.txt") -> str:
    """Keep and register the bytes under one external id; the document's id."""
    upload = Upload("default", name, external_id="x")
    with (
        originals.stage(BytesIO(content), max_bytes=1000) as staged,
        registry.write() as connection,
    ):
        measured = Content(staged.content_sha256, staged.size_bytes, "text/plain")
        document = accept_upload(connection, upload, measured, UNRESTRICTED).document
        staged.keep()
        return document.id


def complete(registry: Registry) -> None:
    """End the next job well."""
    with registry.write() as connection:
        job = claim_next(connection, "w")
        assert job is not None
        complete_version(
            connection,
            job,
            read_pages=[PageText(1, "text", 0)],
            page_count=1,
            chunk_count=1,
            coverage=Coverage(1),
        )


def content_of(registry: Registry, document_id: str) -> Original:
    with registry.read() as connection:
        return find_content(connection, document_id, UNRESTRICTED)


def test_the_content_is_that_of_the_live_version_and_before_it_of_the_newest(
    registry: Registry, originals: FolderOriginals
) -> None:
    document_id = add(registry, originals, b"one", "one.txt")
    assert content_of(registry, document_id).filename == "one.txt"
    complete(registry)
    assert add(registry, originals, b"second", "two.txt") == document_id
    assert content_of(registry, document_id).filename == "one.txt"
    assert content_of(registry, document_id).size_bytes == 3
    complete(registry)
    assert content_of(registry, document_id).filename == "two.txt"


def test_a_deleted_document_has_no_content(registry: Registry, originals: FolderOriginals) -> None:
    document_id = add(registry, originals, b"one")
    with registry.write() as connection:
        bury(connection, document_id, UNRESTRICTED)
    with pytest.raises(DocumentNotFound):
        content_of(registry, document_id)


def test_an_opened_original_outlives_its_deletion(
    registry: Registry, originals: FolderOriginals
) -> None:
    document_id = add(registry, originals, b"one")
    original, content = open_original(registry, originals, document_id, UNRESTRICTED)
    originals.delete(original.content_sha256)
    with content:
        assert content.read() == b"one"


class DeletesBeforeOpening(FolderOriginals):
    """Deletes the document at the moment when its original is about to be opened."""

    def __init__(self, folder: Path, registry: Registry, document_id: str) -> None:
        super().__init__(folder)
        self._registry = registry
        self._document_id = document_id

    @contextmanager
    def local_copy(self, content_sha256: str) -> Iterator[Path]:
        with self._registry.write() as connection:
            bury(connection, self._document_id, UNRESTRICTED)
        self.delete(content_sha256)
        with super().local_copy(content_sha256) as path:
            yield path


def test_a_document_deleted_before_its_original_is_opened_is_not_found(
    registry: Registry, originals: FolderOriginals, tmp_path: Path
) -> None:
    document_id = add(registry, originals, b"one")
    deleting = DeletesBeforeOpening(tmp_path / "originals", registry, document_id)
    with pytest.raises(DocumentNotFound):
        open_original(registry, deleting, document_id, UNRESTRICTED)


def test_an_original_that_got_lost_is_the_storages_fault(
    registry: Registry, originals: FolderOriginals
) -> None:
    document_id = add(registry, originals, b"one")
    originals.delete(content_of(registry, document_id).content_sha256)
    with pytest.raises(StorageUnavailable):
        open_original(registry, originals, document_id, UNRESTRICTED)


@pytest.mark.parametrize("number", [0, -1, 2, 2**31, 2**63, 10**400, -(10**400)])
def test_a_page_that_cannot_be_is_not_found(
    registry: Registry, originals: FolderOriginals, number: int
) -> None:
    document_id = add(registry, originals, b"one")
    complete(registry)
    with registry.read() as connection, pytest.raises(PageNotFound):
        find_page(connection, document_id, number, UNRESTRICTED)


@pytest.mark.parametrize(
    "inside",
    ["", "x", "a/b/c", "0001-01-01T00:00:00+14:00/x", "9999-12-31T23:59:59-14:00/x"],
)
def test_a_made_up_cursor_is_the_callers_mistake(registry: Registry, inside: str) -> None:
    cursor = base64.urlsafe_b64encode(inside.encode()).decode()
    with registry.read() as connection, pytest.raises(InvalidRequest, match="cursor"):
        list_documents(connection, UNRESTRICTED, cursor=cursor)


def test_pages_are_found_together_and_missing_ones_left_out(
    registry: Registry, originals: FolderOriginals
) -> None:
    document_id = add(registry, originals, b"one")
    complete(registry)
    add(registry, originals, b"two")
    complete(registry)
    wanted = {(document_id, 1, 1), (document_id, 2, 1), (document_id, 2, 2), ("nobody", 1, 1)}
    with registry.read() as connection:
        found = find_page_texts(connection, wanted)
    assert found == {(document_id, 2, 1): PageText(1, "text", 0)}  # the first version's are gone
