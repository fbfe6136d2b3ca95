from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.vector_stores.types import FilterOperator, MetadataFilter, MetadataFilters

from corpus.declared_fields import FieldType
from corpus.errors import InvalidFilter
from corpus.index.edge.filters import edge_filter
from corpus.registry.live_documents import LiveDocument
from service.retrieval.document_conditions import (
    MAX_LISTED_IDS,
    DocumentCondition,
    DocumentPart,
    parts_of,
    resolved,
)
from service.retrieval.filters import parse_filters

DECLARED = {"year": FieldType.INTEGER, "team": FieldType.KEYWORD}


def parsed(raw: dict[str, Any]) -> MetadataFilters:
    filters = parse_filters(raw, DECLARED)
    assert filters is not None
    return filters


def sorted_parts(filters: MetadataFilters, years: list[int]) -> list[DocumentPart]:
    parts = parts_of(filters)
    for number, year in enumerate(years):
        for part in parts:
            part.sort(LiveDocument(f"d{number}", 1, {"year": year}))
    return parts


def test_a_filter_by_nodes_has_no_part_for_the_registry() -> None:
    assert parts_of(parsed({"page": 1, "or": [{"filename": "a"}, {"not": {"page": 2}}]})) == []


def test_all_that_a_group_asks_of_documents_is_one_part() -> None:
    alone = {"year": 1, "not": {"team": "a"}, "or": [{"year": 2}, {"team": "b"}]}
    assert len(parts_of(parsed(alone))) == 1
    assert len(parts_of(parsed({**alone, "page": 1}))) == 1
    assert len(parts_of(parsed({**alone, "and": [{"page": 1, "year": 3}]}))) == 2


def test_the_shorter_list_is_asked_for() -> None:
    for raw, how, ids in (
        ({"year": 0}, FilterOperator.IN, ["d0"]),
        ({"year": {"ne": 0}}, FilterOperator.NIN, ["d0"]),
        ({"year": 9}, FilterOperator.IN, []),
        ({"year": {"gte": 0}}, FilterOperator.NIN, []),
    ):
        filters = parsed(raw)
        asked = resolved(filters, sorted_parts(filters, [0, 1, 2]))
        assert asked.filters == [MetadataFilter(key="document_id", operator=how, value=ids)]


def test_more_documents_than_can_be_listed_are_refused() -> None:
    filters = parsed({"year": 1})
    most = sorted_parts(filters, [0, 1] * MAX_LISTED_IDS)
    assert len(resolved(filters, most).filters) == 1
    too_many = sorted_parts(filters, [0, 1] * (MAX_LISTED_IDS + 1))
    with pytest.raises(InvalidFilter, match="50,001 documents of 100,002"):
        resolved(filters, too_many)


def test_no_index_answers_what_was_not_resolved() -> None:
    filters = parsed({"year": {"ne": 1}})
    assert isinstance(filters.filters[0], DocumentCondition)
    with pytest.raises(InvalidFilter):
        edge_filter(filters)
