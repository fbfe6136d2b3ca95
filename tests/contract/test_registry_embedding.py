"""How everything is embedded: agreed on by all processes, also at the moment when it changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document
from corpus.errors import EmbeddingMismatch, IndexSuperseded
from corpus.originals.folder import FolderOriginals
from corpus.registry.audit import live_versions
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import (
    begin_as,
    hold_fingerprint,
    require_current,
    stored_fingerprint,
    switch_fingerprints,
)
from corpus.registry.leases import Lease, claim_next
from corpus.registry.versions import complete_version
from corpus.values import Coverage, PageText
from tests.contract.test_registry_side_by_side import ROUNDS, NoNodes, accept, at_once, claim

OLD: dict[str, Any] = {"model": "old", "chunker_version": 1}
NEW: dict[str, Any] = {"model": "new", "chunker_version": 1}


def complete(registry: Registry, document_id: str, current: dict[str, Any]) -> bool:
    """As the pipeline does; False where it is told that the index is another now."""
    try:
        with registry.write() as connection:
            hold_fingerprint(connection, "default", current)
            return complete_version(
                connection,
                Lease("", document_id, 1, "w"),
                read_pages=[PageText(1, "text", 0)],
                page_count=1,
                chunk_count=1,
                coverage=Coverage(1),
            )
    except IndexSuperseded:
        return False


def switch(registry: Registry, current: dict[str, Any]) -> set[str]:
    """The documents that answered when everything became embedded so."""
    with registry.write() as connection:
        switch_fingerprints(connection, current)
        return set(live_versions(connection))


def test_a_version_is_completed_before_the_switch_or_refused(registry: Registry) -> None:
    before, after = OLD, NEW
    first = accept(registry, "f" * 64).document.id
    assert claim(registry, "w") == first
    assert complete(registry, first, OLD)
    for number in range(ROUNDS):
        document_id = accept(registry, f"{number:064d}").document.id
        assert claim(registry, "w") == document_id
        completing = partial(complete, registry, document_id, before)
        switching = partial(switch, registry, after)
        tasks: list[Callable[[], bool | set[str]]] = [completing, switching]
        completed, seen = at_once(tasks)
        assert isinstance(seen, set)
        assert completed == (document_id in seen)
        with registry.read() as connection:
            assert stored_fingerprint(connection) == after
        if not completed:
            assert complete(registry, document_id, after)
        before, after = after, before


def test_the_first_to_embed_decides_for_all_collections(registry: Registry) -> None:
    accept(registry, "a" * 64, collection="a")
    accept(registry, "b" * 64, collection="b")

    def begin(collection: str, current: dict[str, Any]) -> bool:
        try:
            with registry.write() as connection:
                return hold_fingerprint(connection, collection, current)
        except IndexSuperseded:
            return False

    begun = at_once([lambda: begin("a", OLD), lambda: begin("b", NEW)])
    assert sorted(begun) == [False, True]


def test_a_process_of_before_is_told_so(registry: Registry) -> None:
    document_id = accept(registry, "a" * 64).document.id
    assert claim(registry, "w") == document_id
    assert complete(registry, document_id, OLD)
    with registry.read() as connection:
        require_current(connection, OLD)
    switch(registry, NEW)
    with registry.read() as connection, pytest.raises(IndexSuperseded, match="by new"):
        require_current(connection, OLD)
    with registry.write() as connection, pytest.raises(EmbeddingMismatch):
        begin_as(connection, OLD)


def test_an_emptied_collection_may_be_embedded_otherwise(
    registry: Registry, tmp_path: Path
) -> None:
    document_id = accept(registry, "a" * 64).document.id
    assert claim(registry, "w") == document_id
    assert complete(registry, document_id, OLD)
    originals = FolderOriginals(tmp_path / "originals")
    delete_document(registry, originals, NoNodes(), document_id, UNRESTRICTED)
    with registry.write() as connection:
        begin_as(connection, NEW)
    document_id = accept(registry, "b" * 64).document.id
    with registry.write() as connection:
        assert claim_next(connection, "w") is not None
    assert complete(registry, document_id, NEW)
