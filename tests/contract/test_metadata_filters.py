"""Filters by metadata on a real registry: what it stored, what changed, what was deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from corpus.access import UNRESTRICTED
from corpus.declared_fields import DeclaredFields, FieldType
from corpus.errors import CollectionExists, CollectionNotFound, InvalidMetadata
from corpus.registry.collections import (
    change_collection,
    create_collection,
    declared_fields,
    find_collection,
    list_collections,
)
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import bury
from corpus.registry.documents import find_document
from corpus.registry.new_versions import Content
from corpus.registry.schema import collections, documents
from corpus.registry.uploads import Upload, accept_upload, change_attributes
from corpus.values import CollectionSettings
from service.retrieval.filters import parse_filters
from service.retrieval.selection import Selection, select_nodes
from tests.doubles.brute_force_store import matches
from tests.samples.filter_grammar import DECLARED, metadata_of, palettes, plain_meaning, raw_filters

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

NOW = datetime.now(UTC)
IDS = [str(uuid.UUID(int=number)) for number in range(4)]
NODE = {
    "filename": "a.pdf",
    "media_type": "text/plain",
    "page": 1,
    "created_at": "2024-02-29T00:00:00+00:00",
}
Metadata = dict[str, Any]


def with_fields(fields: DeclaredFields) -> CollectionSettings:
    return CollectionSettings(metadata_fields=fields)


def put_only(registry: Registry, every: dict[str, Metadata]) -> None:
    with registry.write() as connection:
        connection.execute(delete(documents))
        connection.execute(delete(collections))
        connection.execute(insert(collections).values(name="ours", created_at=NOW))
        for document_id, metadata in every.items():
            connection.execute(
                insert(documents).values(
                    id=document_id,
                    collection="ours",
                    identity=document_id,
                    version=1,
                    live_version=1,
                    metadata=metadata,
                    acl=[],
                    created_at=NOW,
                    updated_at=NOW,
                )
            )


def select(registry: Registry, raw: Metadata) -> Selection:
    return select_nodes(registry, "ours", parse_filters(raw, DECLARED), UNRESTRICTED)


def found(selection: Selection, every: Iterable[str]) -> set[str]:
    """What a question would use of an index that has a node of each."""
    live = selection.live_versions(list(every))
    return {one for one in live if matches({**NODE, "document_id": one}, selection.filters)}


def add(
    registry: Registry, metadata: Metadata, content: str = "a", collection: str = "ours"
) -> str:
    """Upload, and make it answer; the document's id."""
    with registry.write() as connection:
        upload = Upload(collection, f"{content}.txt", metadata=metadata)
        accepted = accept_upload(
            connection, upload, Content(content * 64, 1, "text/plain"), UNRESTRICTED
        )
        connection.execute(update(documents).values(live_version=documents.c.version))
        return accepted.document.id


@pytest.fixture
def declaring(registry: Registry) -> Registry:
    with registry.write() as connection:
        create_collection(connection, "ours", with_fields(DECLARED))
    return registry


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_was_stored_is_filtered_by_what_was_said(
    registry: Registry, data: st.DataObject
) -> None:
    palette = data.draw(palettes())
    every = {one: data.draw(metadata_of(palette, may_misfit=False)) for one in IDS}
    put_only(registry, every)
    for raw in data.draw(st.lists(raw_filters(palette, IDS), min_size=1, max_size=6)):
        assert found(select(registry, raw), every) == {
            one
            for one, metadata in every.items()
            if plain_meaning(raw, {**NODE, "document_id": one}, metadata)
        }


def test_text_that_a_database_refuses_is_found_by_itself(declaring: Registry) -> None:
    odd = add(declaring, {"team": "a\0b"})
    assert found(select(declaring, {"team": "a\0b"}), [odd]) == {odd}


def test_a_change_holds_for_the_next_question_and_ends_the_one_before(declaring: Registry) -> None:
    one, two = add(declaring, {"year": 1}, "a"), add(declaring, {"year": 2}, "b")
    before = select(declaring, {"year": 1})
    other_before = select(declaring, {"not": {"year": 1}})
    assert (found(before, [one, two]), found(other_before, [one, two])) == ({one}, {two})
    with declaring.write() as connection:
        change_attributes(connection, one, UNRESTRICTED, metadata={"year": 2})
    assert found(select(declaring, {"year": 2}), [one, two]) == {one, two}
    assert found(select(declaring, {"year": 1}), [one, two]) == set()
    assert found(before, [one, two]) == set()
    assert found(other_before, [one, two]) == {two}


def test_a_change_that_the_filter_does_not_ask_for_changes_nothing(declaring: Registry) -> None:
    one = add(declaring, {"year": 1, "team": "a"})
    before = select(declaring, {"year": 1})
    with declaring.write() as connection:
        change_attributes(connection, one, UNRESTRICTED, metadata={"year": 1, "team": "b"})
    assert found(before, [one]) == {one}


def test_a_deleted_document_is_never_found(declaring: Registry) -> None:
    one, two = add(declaring, {"year": 1}, "a"), add(declaring, {"year": 1}, "b")
    before = select(declaring, {"not": {"year": 2}})
    with declaring.write() as connection:
        bury(connection, one, UNRESTRICTED)
    for selection in (
        before,
        select(declaring, {"year": 1}),
        select(declaring, {"year": {"ne": 2}}),
    ):
        assert found(selection, [one, two]) == {two}


def test_a_document_that_came_after_the_question_began_is_held_to_the_filter(
    declaring: Registry,
) -> None:
    one = add(declaring, {"year": 1}, "a")
    before = select(declaring, {"year": {"ne": 2}})
    late, fitting = add(declaring, {"year": 2}, "b"), add(declaring, {"year": 1}, "c")
    assert found(before, [one, late, fitting]) == {one, fitting}


def test_another_collections_documents_are_not_live_for_the_question(declaring: Registry) -> None:
    other = add(declaring, {"year": 1}, collection="theirs")
    assert found(select(declaring, {"year": {"ne": 2}}), [other]) == set()


def test_a_value_of_another_type_is_refused_and_nothing_is_changed(declaring: Registry) -> None:
    with pytest.raises(InvalidMetadata, match='"year" as integer'):
        add(declaring, {"year": "1999"})
    one = add(declaring, {"year": 1999, "colour": "of no concern"})
    with declaring.write() as connection, pytest.raises(InvalidMetadata, match='"is final"'):
        change_attributes(connection, one, UNRESTRICTED, metadata={"is final": "yes"})
    with declaring.read() as connection:
        assert find_document(connection, one, UNRESTRICTED).metadata["year"] == 1999


def test_what_was_there_before_the_declaration_matches_nothing_when_it_does_not_fit(
    registry: Registry,
) -> None:
    odd, even = add(registry, {"year": "1999"}, "a"), add(registry, {"year": 1999}, "b")
    with registry.write() as connection:
        change_collection(connection, "ours", with_fields(DECLARED))
    assert found(select(registry, {"year": 1999}), [odd, even]) == {even}
    assert found(select(registry, {"year": {"ne": 1999}}), [odd, even]) == {odd}


def test_a_collection_says_what_it_declares(registry: Registry) -> None:
    with registry.write() as connection:
        create_collection(connection, "ours", with_fields({"year": FieldType.INTEGER}))
    add(registry, {}, "a")
    add(registry, {}, "b", collection="theirs")
    with registry.write() as connection, pytest.raises(CollectionExists):
        create_collection(connection, "ours", with_fields({}))
    with registry.write() as connection:
        change_collection(connection, "theirs", with_fields({"größe": FieldType.NUMBER}))
        with pytest.raises(CollectionNotFound):
            change_collection(connection, "nowhere", with_fields({}))
    with registry.read() as connection:
        summaries = list_collections(connection, UNRESTRICTED)
        assert find_collection(connection, "ours", UNRESTRICTED) == summaries[0]
        assert declared_fields(connection, "nowhere") == {}
        with pytest.raises(CollectionNotFound):
            find_collection(connection, "nowhere", UNRESTRICTED)
    assert [(one.name, one.documents, one.settings.metadata_fields) for one in summaries] == [
        ("ours", 1, {"year": "integer"}),
        ("theirs", 1, {"größe": "number"}),
    ]
