from __future__ import annotations

import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest

from corpus.access import UNRESTRICTED
from corpus.errors import QueueFull
from corpus.originals.folder import FolderOriginals
from corpus.originals.open import opened_originals
from corpus.originals.port import StagedOriginal
from corpus.registry.database.engine import Registry
from corpus.registry.documents import find_document
from corpus.registry.leases import Lease
from corpus.registry.loose_originals import loose
from corpus.registry.uploads import Acceptance, Upload
from corpus.registry.versions import fail_version
from corpus.settings import Settings
from corpus.values import Coverage, ErrorReport, Status
from service.accepting import accept_file, accept_retry
from tests.bucket import BucketServer
from tests.contract.test_registry_uploads import accept, claim
from tests.doubles.parts import parts_with
from tests.installations import an_installation


def failed(registry: Registry) -> str:
    document_id = accept(registry, "f" * 64).document.id
    job = claim(registry)
    assert job is not None
    with registry.write() as connection:
        error = ErrorReport("no_text", "None.", "")
        fail_version(connection, Lease("", document_id, 1, "w1"), error=error, coverage=Coverage(0))
    return document_id


def test_a_retry_waits_its_turn_like_any_upload(registry: Registry) -> None:
    document_id = failed(registry)
    waiting = accept(registry, "a" * 64).document.id
    with pytest.raises(QueueFull):
        accept_retry(parts_with(registry, Settings(max_waiting=1)), document_id, UNRESTRICTED)
    with registry.read() as connection:
        assert find_document(connection, document_id, UNRESTRICTED).status is Status.FAILED
    # What waits already adds nothing to the queue.
    assert (
        accept_retry(parts_with(registry, Settings(max_waiting=1)), waiting, UNRESTRICTED).status
        is Status.QUEUED
    )
    assert (
        accept_retry(
            parts_with(registry, Settings(max_waiting=2)), document_id, UNRESTRICTED
        ).status
        is Status.QUEUED
    )


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_the_same_file_again_mends_its_original(
    registry: Registry, tmp_path: Path, damage: str
) -> None:
    originals = FolderOriginals(tmp_path)
    parts = replace(parts_with(registry), originals=originals)

    def upload() -> Acceptance:
        with originals.stage(BytesIO(b"copper"), max_bytes=9) as staged:
            return accept_file(parts, staged, Upload("default", "c.txt"), UNRESTRICTED)

    first = upload()
    with originals.local_copy(first.document.content_sha256) as path:
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(b"cupper" if damage == "changed" else b"cop")
    again = upload()
    assert (again.duplicate, again.document.id) == (True, first.document.id)
    assert path.read_bytes() == b"copper"


class DiesBeforeItIsKept:
    """A staged original whose process ends when its bytes are there and its rows are not."""

    # Unlike an error, the end of a process lets nobody remove what it left.

    def __init__(self, staged: StagedOriginal) -> None:
        self._staged = staged

    def __getattr__(self, name: str) -> object:
        return getattr(self._staged, name)

    def keep(self) -> None:
        self._staged.keep()
        sys.exit()


@pytest.mark.parametrize("place", ["bucket", "folder beside a database"])
@pytest.mark.parametrize("ending", ["kept", "refused", "killed"])
def test_what_others_may_know_is_noted_until_it_is_settled(
    registry: Registry, tmp_path: Path, bucket_server: BucketServer, ending: str, place: str
) -> None:
    if place == "bucket":
        where: dict[str, Any] = bucket_server.new_bucket().settings()
    else:
        where = {"database_url": "postgresql://not-asked/"}
    settings = Settings.model_validate({"data_dir": tmp_path, "max_waiting": 1, **where})
    if ending == "refused":
        accept(registry, "a" * 64)
    with (
        opened_originals(settings, an_installation()) as originals,
        originals.stage(BytesIO(b"copper"), max_bytes=9) as staged,
    ):
        parts = replace(parts_with(registry, settings), originals=originals)
        upload = Upload("default", "c.txt")
        if ending == "kept":
            accept_file(parts, staged, upload, UNRESTRICTED)
        elif ending == "refused":
            with pytest.raises(QueueFull):
                accept_file(parts, staged, upload, UNRESTRICTED)
        else:
            with pytest.raises(SystemExit):
                accept_file(parts, cast("Any", DiesBeforeItIsKept(staged)), upload, UNRESTRICTED)
        there = [one.content_sha256 for one in originals.kept()]
    with registry.read() as connection:
        noted = loose(connection, for_s=0.0, limit=9)
    assert bool(there) == (ending != "refused")
    assert noted == (there if ending == "killed" else [])
