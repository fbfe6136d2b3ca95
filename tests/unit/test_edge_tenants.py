from __future__ import annotations

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from corpus.index.edge.tenants import Tenants, only_tenant, without_tenant


class Index:
    """The collections in an index; `meanwhile` runs while it is asked."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.asked = 0
        self.tenants = Tenants(self.find_all)
        self.writes: str | None = None

    def find_all(self) -> set[str]:
        self.asked += 1
        found = set(self.there)
        if self.writes is not None:
            self.add(self.writes)
        return found

    def add(self, collection: str) -> None:
        with self.tenants.adding({collection}):
            self.there.add(collection)

    def remove(self, collection: str) -> None:
        with self.tenants.removing():
            self.there.discard(collection)


def of(collection: str) -> MetadataFilter:
    return MetadataFilter(key="collection", value=collection)


PAGE = MetadataFilter(key="page", value=2)


def test_the_index_is_asked_once_until_something_is_removed() -> None:
    index = Index("ours")
    assert [index.tenants.are_only("ours") for _ in range(3)] == [True] * 3
    assert not index.tenants.are_only("theirs")
    index.add("ours")
    assert index.tenants.are_only("ours")
    assert index.asked == 1
    index.add("theirs")
    assert not index.tenants.are_only("ours")
    assert index.asked == 1
    index.remove("theirs")
    assert index.tenants.are_only("ours")
    assert index.asked == 2


def test_what_is_written_while_the_index_is_asked_is_not_overlooked() -> None:
    index = Index("ours")
    index.writes = "theirs"
    assert index.tenants.are_only("ours")  # as the index was then
    index.writes = None
    assert not index.tenants.are_only("ours")


def test_only_a_filter_that_fixes_one_collection_is_left_out() -> None:
    tenants = Index("ours").tenants
    fixed = MetadataFilters(filters=[of("ours"), PAGE])
    assert only_tenant(fixed, tenants) == "ours"
    assert without_tenant(fixed) == MetadataFilters(filters=[PAGE])
    assert without_tenant(MetadataFilters(filters=[of("ours")])) is None
    for others in (
        None,
        MetadataFilters(filters=[of("theirs")]),
        MetadataFilters(filters=[of("ours"), of("theirs")]),
        MetadataFilters(filters=[of("ours"), PAGE], condition=FilterCondition.OR),
        MetadataFilters(filters=[of("ours")], condition=FilterCondition.NOT),
        MetadataFilters(
            filters=[
                MetadataFilter(
                    key="collection", value=["ours", "theirs"], operator=FilterOperator.IN
                )
            ]
        ),
    ):
        assert only_tenant(others, tenants) is None
