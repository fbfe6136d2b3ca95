"""Conditions on what a document's metadata says, answered by the registry. Pure.

The index does not know metadata (docs/adr/0012). Before a search, the parts of a filter that ask
only for metadata are replaced by the ids of the documents for which they hold; so what is left can
be asked of any index, and whatever surrounds such a part (and, or, not) keeps its meaning.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from corpus.declared_fields import FieldType, values_of
from corpus.errors import InvalidFilter
from corpus.registry.live_documents import LiveDocument

# Ids that one part may put into a search. The shorter list is sent, of those for which it holds or
# of the others, so collections of up to twice as many documents never reach this. Qdrant Edge took
# 1.1 s for as many on a busy machine, for each of the two halves of a hybrid search.
MAX_LISTED_IDS = 50_000

Metadata: TypeAlias = Mapping[str, Any]
Test: TypeAlias = Callable[[Metadata], bool]


class DocumentCondition(MetadataFilter):
    """A condition on a declared field of the documents' metadata.

    Its `key` is no name that an index accepts: asked of one by mistake, it is refused.
    """

    field: str
    field_type: FieldType
    value: Any

    @classmethod
    def on(
        cls, name: str, kind: FieldType, how: FilterOperator, value: object
    ) -> DocumentCondition:
        """Values are as `corpus.declared_fields.fitting` gives them; of IN, a list of such."""
        return cls(key=f"metadata:{name}", field=name, field_type=kind, operator=how, value=value)


class DocumentPart:
    """A part of a filter that asks only for metadata, and the documents that it chooses.

    Every document is to be given to `sort` before the rest is used.
    """

    def __init__(self, part: MetadataFilters) -> None:
        self.holds = _test(part)
        self._chosen: set[str] = set()
        self._others: set[str] = set()

    def sort(self, document: LiveDocument) -> None:
        """Note whether the part holds for the document."""
        (self._chosen if self.holds(document.metadata) else self._others).add(document.id)

    def condition(self) -> MetadataFilter:
        """The same in an index's words: of the chosen documents, or of none of the others."""
        takes_chosen = self._lists_chosen
        listed = self._chosen if takes_chosen else self._others
        if len(listed) > MAX_LISTED_IDS:
            raise InvalidFilter(
                f"The conditions on metadata hold for {len(self._chosen):,} documents of "
                f"{len(self._chosen) + len(self._others):,}, too many to search within.",
                hint="Narrow the filter, or divide the documents among collections.",
            )
        how = FilterOperator.IN if takes_chosen else FilterOperator.NIN
        return MetadataFilter(key="document_id", operator=how, value=sorted(listed))

    def still_holds_as_asked(self, document: LiveDocument) -> bool:
        """Whether `condition` says of the document what its metadata says now."""
        listed = document.id in (self._chosen if self._lists_chosen else self._others)
        return self.holds(document.metadata) == (listed == self._lists_chosen)

    @property
    def _lists_chosen(self) -> bool:
        return len(self._chosen) <= len(self._others)


def parts_of(filters: MetadataFilters) -> list[DocumentPart]:
    """The parts that ask only for metadata, as large as can be; none when nothing asks for it."""
    found: list[DocumentPart] = []

    def note(part: MetadataFilters) -> MetadataFilters:
        found.append(DocumentPart(part))
        return part

    _replace(filters, note)
    return found


def resolved(filters: MetadataFilters, parts: Iterable[DocumentPart]) -> MetadataFilters:
    """The filters with what `parts` (of these filters) choose in their place."""
    in_order = iter(parts)
    return _replace(filters, lambda _: next(in_order).condition())


def _replace(
    filters: MetadataFilters,
    by: Callable[[MetadataFilters], MetadataFilter | MetadataFilters],
) -> MetadataFilters:
    asking = [member for member in filters.filters if _asks_only_documents(member)]
    rest = [
        _replace(member, by) if isinstance(member, MetadataFilters) else member
        for member in filters.filters
        if not _asks_only_documents(member)
    ]
    if not asking:
        return MetadataFilters(filters=rest, condition=filters.condition)
    # NOT means that none of its members holds, which is that not one of them does.
    is_and = (filters.condition or FilterCondition.AND) is FilterCondition.AND
    together = FilterCondition.AND if is_and else FilterCondition.OR
    joined = by(MetadataFilters(filters=asking, condition=together))
    return MetadataFilters(filters=[joined, *rest], condition=filters.condition)


def _asks_only_documents(member: MetadataFilter | MetadataFilters) -> bool:
    if isinstance(member, MetadataFilters):
        return bool(member.filters) and all(map(_asks_only_documents, member.filters))
    return isinstance(member, DocumentCondition)


def _test(member: MetadataFilter | MetadataFilters) -> Test:
    if isinstance(member, MetadataFilters):
        return _group_test(member.condition, [_test(inner) for inner in member.filters])
    if not isinstance(member, DocumentCondition):
        raise TypeError(f"{member.key} is not asked of documents")
    return _condition_test(member)


def _group_test(how: FilterCondition | None, tests: Sequence[Test]) -> Test:
    if how is FilterCondition.OR:
        return lambda metadata: any(test(metadata) for test in tests)
    if how is FilterCondition.NOT:
        return lambda metadata: not any(test(metadata) for test in tests)
    return lambda metadata: all(test(metadata) for test in tests)


_COMPARISONS: Mapping[FilterOperator, Callable[[Any, Any], bool]] = {
    FilterOperator.EQ: operator.eq,
    FilterOperator.IN: lambda have, wanted: have in wanted,
    FilterOperator.GT: operator.gt,
    FilterOperator.GTE: operator.ge,
    FilterOperator.LT: operator.lt,
    FilterOperator.LTE: operator.le,
}


def _condition_test(one: DocumentCondition) -> Test:
    """NE is the complement of EQ, so it also holds where there is no value, as in an index."""
    name, kind, wanted = one.field, one.field_type, one.value
    if one.operator is FilterOperator.NE:
        return lambda metadata: wanted not in values_of(metadata, name, kind)
    compare = _COMPARISONS[one.operator]
    if one.operator is FilterOperator.IN:
        wanted = frozenset(wanted)
    return lambda metadata: any(compare(have, wanted) for have in values_of(metadata, name, kind))
