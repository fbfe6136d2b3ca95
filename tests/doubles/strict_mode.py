"""What Qdrant's strict mode refuses where filters on fields without an index are not allowed.

Qdrant Cloud makes its collections so (`unindexed_filtering_retrieve` and `_update` are false).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from qdrant_client.http import models


def unindexed(
    condition: object, indexes: Mapping[str, models.PayloadIndexInfo]
) -> tuple[str, list[str]] | None:
    """The first field of a filter that lacks an index, and of which kinds it may be; else None."""
    for field, kinds in _needs(condition):
        index = indexes.get(field)
        if index is None or index.data_type not in kinds:
            return field, sorted(kind.value for kind in kinds)
    return None


def _needs(condition: object) -> Iterator[tuple[str, frozenset[models.PayloadSchemaType]]]:
    if isinstance(condition, models.Filter):
        for members in (condition.must, condition.should, condition.must_not):
            for member in members if isinstance(members, list) else [members]:
                yield from _needs(member)
    elif isinstance(condition, models.FieldCondition):
        yield condition.key, frozenset(_kinds(condition))
    elif not isinstance(condition, models.HasIdCondition | None):
        raise TypeError(f"We send no such condition: {condition!r}")


def _kinds(condition: models.FieldCondition) -> Iterable[models.PayloadSchemaType]:
    kind = models.PayloadSchemaType
    if isinstance(condition.range, models.DatetimeRange):
        return {kind.DATETIME}
    if isinstance(condition.range, models.Range):
        return {kind.FLOAT, kind.INTEGER}
    if isinstance(condition.match, models.MatchValue | models.MatchAny):
        match = condition.match
        values = match.any if isinstance(match, models.MatchAny) else [match.value]
        # Of an empty list it takes the kind to be keyword.
        return {kind.INTEGER} if any(isinstance(value, int) for value in values) else {kind.KEYWORD}
    raise TypeError(f"We send no such condition: {condition!r}")
