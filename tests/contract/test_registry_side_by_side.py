"""Many at once, on each database: nothing is doubled, lost or left half done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import pytest
from llama_index.core.vector_stores.types import MetadataFilters

from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document
from corpus.errors import DocumentNotFound, LecternError, OriginalMissing
from corpus.originals.folder import FolderOriginals
from corpus.registry.collections import list_collections
from corpus.registry.database.engine import Registry
from corpus.registry.documents import find_document, list_documents
from corpus.registry.leases import Lease, claim_next, release_jobs_of
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Acceptance, Upload, accept_replacement, accept_upload
from corpus.registry.versions import complete_version, is_wanted, report_progress
from corpus.values import Coverage, PageText, Status

MANY = 20
ROUNDS = 12

T = TypeVar("T")


class NoNodes:
    """An index that holds nothing."""

    def delete_nodes(self, *, filters: MetadataFilters) -> None:
        pass

    def count(self, filters: MetadataFilters | None) -> int:
        return 0


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run all, begun at the same moment; raises what one of them raises."""
    ready = threading.Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        ready.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, task) for task in tasks]]


def accept(registry: Registry, sha256: str, **upload: str) -> Acceptance:
    with registry.write() as connection:
        return accept_upload(
            connection,
            Upload(upload.get("collection", "default"), "f", upload.get("external_id")),
            Content(sha256, 1, "text/plain"),
            UNRESTRICTED,
        )


def complete(registry: Registry, document_id: str, version: int, worker: str) -> bool:
    with registry.write() as connection:
        return complete_version(
            connection,
            Lease("", document_id, version, worker),
            read_pages=[PageText(1, "text", 0)],
            page_count=1,
            chunk_count=1,
            coverage=Coverage(1),
        )


def claim(registry: Registry, worker: str) -> str | None:
    with registry.write() as connection:
        job = claim_next(connection, worker)
    return job.document_id if job else None


def test_the_same_bytes_at_once_are_one_document(registry: Registry) -> None:
    accepted = at_once([lambda: accept(registry, "a" * 64)] * MANY)
    assert len({one.document.id for one in accepted}) == 1
    assert sum(not one.duplicate for one in accepted) == 1


def test_other_bytes_under_one_external_id_at_once_are_its_versions(registry: Registry) -> None:
    accepted = at_once(
        [lambda n=n: accept(registry, f"{n:064d}", external_id="x") for n in range(MANY)]  # type: ignore[misc]
    )
    assert len({one.document.id for one in accepted}) == 1
    assert sorted(one.document.version for one in accepted) == list(range(1, MANY + 1))


def test_documents_in_a_new_collection_at_once_make_it_once(registry: Registry) -> None:
    at_once([lambda n=n: accept(registry, f"{n:064d}", collection="new") for n in range(MANY)])  # type: ignore[misc]
    with registry.read() as connection:
        assert [
            (one.name, one.documents) for one in list_collections(connection, UNRESTRICTED)
        ] == [("new", MANY)]


def test_workers_that_claim_at_once_never_get_the_same_job(registry: Registry) -> None:
    for number in range(MANY):
        accept(registry, f"{number:064d}")

    def claim_all(worker: str) -> list[str]:
        claimed = []
        while (document_id := claim(registry, worker)) is not None:
            claimed.append(document_id)
        return claimed

    claimed = at_once([lambda n=n: claim_all(f"w{n}") for n in range(4)])  # type: ignore[misc]
    flat = [document_id for one in claimed for document_id in one]
    assert len(flat) == len(set(flat)) == MANY


def test_a_dead_workers_job_is_released_and_nobody_elses(registry: Registry) -> None:
    first, second = accept(registry, "a" * 64), accept(registry, "b" * 64)
    claimed = {worker: claim(registry, worker) for worker in ("dead", "alive")}
    assert set(claimed.values()) == {first.document.id, second.document.id}
    with registry.write() as connection:
        assert release_jobs_of(connection, "dead") == 1
        assert release_jobs_of(connection, "dead") == 0
    assert claim(registry, "next") == claimed["dead"]
    assert claim(registry, "next") is None


def test_completing_and_replacing_at_once_leave_one_consistent_version(
    registry: Registry,
) -> None:
    for number in range(ROUNDS):
        document = accept(registry, f"{number:064d}", external_id=f"x{number}").document
        assert claim(registry, "w") == document.id

        def replace(document_id: str = document.id, number: int = number) -> bool:
            content = Content(f"{number + 1000:064d}", 1, "text/plain")
            with registry.write() as connection:
                accept_replacement(connection, document_id, "f", content, UNRESTRICTED)
            return True

        completed, _ = at_once([lambda d=document: complete(registry, d.id, 1, "w"), replace])  # type: ignore[misc]
        with registry.read() as connection:
            after = find_document(connection, document.id, UNRESTRICTED)
        assert (after.version, after.status) == (2, Status.QUEUED)
        assert after.live_version == (1 if completed else None)
        assert claim(registry, "w") == document.id
        assert complete(registry, document.id, 2, "w")


def test_a_lost_lease_and_its_new_holder_never_both_complete(registry: Registry) -> None:
    for number in range(ROUNDS):
        document = accept(registry, f"{number:064d}").document
        assert claim(registry, "old") == document.id

        def take_over() -> bool:
            with registry.write() as connection:
                release_jobs_of(connection, "old")
            return claim(registry, "new") is not None

        by_old, taken = at_once(
            [lambda d=document: complete(registry, d.id, 1, "old"), take_over]  # type: ignore[misc]
        )
        assert by_old != taken
        with registry.write() as connection:
            still = report_progress(connection, Lease("", document.id, 1, "new"), Status.PARSING)
        assert still == taken
        if taken:
            assert complete(registry, document.id, 1, "new")


@pytest.mark.parametrize("kept", [True, False])
def test_an_upload_never_loses_its_bytes_to_a_deletion_of_the_same(
    registry: Registry, tmp_path: Path, *, kept: bool
) -> None:
    originals, store = FolderOriginals(tmp_path / "originals"), NoNodes()

    def upload(external_id: str) -> str:
        with (
            originals.stage(BytesIO(b"same"), max_bytes=10) as staged,
            registry.write() as connection,
        ):
            content = Content(staged.content_sha256, 4, "text/plain")
            document = accept_upload(
                connection, Upload("c", "f", external_id), content, UNRESTRICTED
            ).document
            staged.keep()
            return document.id

    def delete(document_id: str) -> str:
        return delete_document(registry, originals, store, document_id, UNRESTRICTED).document_id

    last = upload("0")
    for number in range(ROUNDS):
        claimed = claim(registry, "w")
        if claimed and kept:
            complete(registry, claimed, 1, "w")
        _, last = at_once(
            [lambda d=last: delete(d), lambda n=number: upload(str(n + 1))]  # type: ignore[misc]
        )
        with registry.read() as connection:
            sha256 = find_document(connection, last, UNRESTRICTED).content_sha256
        with originals.local_copy(sha256) as path:
            assert path.read_bytes() == b"same"
    delete(last)
    with pytest.raises(OriginalMissing), originals.local_copy(sha256):
        pass


def test_deleting_while_it_is_completed_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    originals, store = FolderOriginals(tmp_path / "originals"), NoNodes()
    for number in range(ROUNDS):
        document = accept(registry, f"{number:064d}").document
        assert claim(registry, "w") == document.id

        def delete(document_id: str = document.id) -> str:
            try:
                return delete_document(
                    registry, originals, store, document_id, UNRESTRICTED
                ).document_id
            except LecternError as error:
                return error.code

        gone = at_once(
            [delete, delete, lambda d=document: str(complete(registry, d.id, 1, "w"))]  # type: ignore[misc]
        )
        assert document.id in gone[:2]
        assert set(gone[:2]) <= {document.id, DocumentNotFound.code}
        with registry.read() as connection:
            assert not is_wanted(connection, document.id, 1)
    with registry.read() as connection:
        assert list_documents(connection, UNRESTRICTED) == ([], None)
