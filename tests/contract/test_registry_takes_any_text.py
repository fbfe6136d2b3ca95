from __future__ import annotations

import pytest

from corpus.access import UNRESTRICTED
from corpus.errors import DocumentNotFound
from corpus.registry.database.engine import Registry
from corpus.registry.documents import find_document, find_page, list_documents
from corpus.registry.leases import Lease, claim_next
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.versions import complete_version, fail_version
from corpus.reports import ReadingWarning, StageTimings, VersionReport
from corpus.values import Coverage, ErrorReport, PageText

ODD = "a\0b\ud800c"
REPORT = VersionReport(
    parser="text",
    characters=5,
    tables=0,
    pages_by_ocr=0,
    chunk_tokens=None,
    warnings=(ReadingWarning("hidden_text", ODD),),
    timings_ms=StageTimings(0, 0, 0, 0, 0, 0),
)
SEVERAL_GIB = 5 * 2**30


def add(registry: Registry) -> str:
    upload = Upload("default", f"{ODD}.txt", external_id=ODD, metadata={"label": "ü"}, acl=("x",))
    with registry.write() as connection:
        content = Content("a" * 64, SEVERAL_GIB, "text/plain")
        return accept_upload(connection, upload, content, UNRESTRICTED).document.id


def test_text_that_a_database_refuses_is_stored_at_its_length(registry: Registry) -> None:
    document_id = add(registry)
    with registry.write() as connection:
        assert claim_next(connection, "w") is not None
        assert complete_version(
            connection,
            Lease("", document_id, 1, "w"),
            read_pages=[PageText(1, ODD, 0)],
            page_count=1,
            chunk_count=1,
            coverage=Coverage(1),
            report=REPORT,
        )
    with registry.read() as connection:
        document = find_document(connection, document_id, UNRESTRICTED)
        page = find_page(connection, document_id, 1, UNRESTRICTED)
    assert page.text == "a\ufffdb\ufffdc"
    assert document.filename == "a\ufffdb\ufffdc.txt"
    assert document.size_bytes == SEVERAL_GIB
    assert document.warnings == ("a\ufffdb\ufffdc",)


def test_an_error_may_say_anything(registry: Registry) -> None:
    document_id = add(registry)
    with registry.write() as connection:
        assert claim_next(connection, "w") is not None
        report = ErrorReport("broken_file", ODD, "Mend it.")
        assert fail_version(
            connection, Lease("", document_id, 1, "w"), error=report, coverage=Coverage()
        )
    with registry.read() as connection:
        error = find_document(connection, document_id, UNRESTRICTED).error
    assert error is not None
    assert error.detail == "a\ufffdb\ufffdc"


def test_the_same_odd_name_is_the_same_document(registry: Registry) -> None:
    assert add(registry) == add(registry)


@pytest.mark.parametrize("document_id", ["\0", "\ud800", "x" * 10_000])
def test_an_id_that_cannot_be_is_not_found(registry: Registry, document_id: str) -> None:
    with registry.read() as connection:
        with pytest.raises(DocumentNotFound):
            find_document(connection, document_id, UNRESTRICTED)
        assert list_documents(connection, UNRESTRICTED, collection=document_id) == ([], None)
