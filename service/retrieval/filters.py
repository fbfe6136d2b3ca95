"""The filter grammar of the API, parsed into LlamaIndex filters. Pure.

    filter    := {} | {part, part, ...}            all parts must hold
    part      := field: value | field: {operator: value, ...}
               | "and": [filter, ...] | "or": [filter, ...] | "not": filter

An unknown field or operator, or a value of the wrong type, is an error and never ignored: a filter
that silently does nothing shows people what they asked not to see.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeAlias

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from corpus.errors import InvalidFilter

# Far beyond what a person or a form writes; they bound the work one request can ask for.
MAX_DEPTH = 8
MAX_CONDITIONS = 64
MAX_IN_VALUES = 256
MAX_STRING_CHARS = 1024
MAX_PAGE = 2**31 - 1

Plain: TypeAlias = str | int

_EQUALITY = {"eq": FilterOperator.EQ, "ne": FilterOperator.NE}
_MEMBERSHIP = {"in": FilterOperator.IN}
_ORDER = {
    "gt": FilterOperator.GT,
    "gte": FilterOperator.GTE,
    "lt": FilterOperator.LT,
    "lte": FilterOperator.LTE,
}
_OPERATORS = {**_EQUALITY, **_MEMBERSHIP, **_ORDER}
_GROUPS = {"and": FilterCondition.AND, "or": FilterCondition.OR}


class _Field(NamedTuple):
    read: Callable[[str, object], Plain]
    operators: dict[str, FilterOperator]


def parse_filters(raw: object) -> MetadataFilters | None:
    """Parse decoded JSON; None for null and for `{}`, which filter nothing.

    Errors: InvalidFilter, whose detail names the field or operator at fault.
    """
    if raw is None:
        return None
    parts = _parts(raw, depth=1)
    if not parts:
        return None
    if _count(parts) > MAX_CONDITIONS:
        raise InvalidFilter(f"The filter has more than {MAX_CONDITIONS} conditions.")
    return MetadataFilters(filters=[*parts], condition=FilterCondition.AND)


def _parts(raw: object, *, depth: int) -> list[MetadataFilter | MetadataFilters]:
    if not isinstance(raw, dict):
        raise InvalidFilter(f"A filter is a JSON object, not {_kind(raw)}.")
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"The filter is nested more than {MAX_DEPTH} deep.")
    parts: list[MetadataFilter | MetadataFilters] = []
    for key, value in raw.items():
        if key in _GROUPS:
            parts.append(_group(key, value, depth=depth))
        elif key == "not":
            parts.append(
                MetadataFilters(
                    filters=[_one(value, depth=depth + 1)], condition=FilterCondition.NOT
                )
            )
        else:
            parts.extend(_conditions(key, value))
    return parts


def _group(key: str, value: object, *, depth: int) -> MetadataFilters:
    if not isinstance(value, list) or not value:
        raise InvalidFilter(f'"{key}" takes a list of at least one filter.')
    if len(value) > MAX_CONDITIONS:
        raise InvalidFilter(f'"{key}" has more than {MAX_CONDITIONS} filters.')
    return MetadataFilters(
        filters=[_one(member, depth=depth + 1) for member in value], condition=_GROUPS[key]
    )


def _one(raw: object, *, depth: int) -> MetadataFilters:
    """A member of a group: several fields in one object hold together, also inside or and not."""
    parts = _parts(raw, depth=depth)
    if not parts:
        raise InvalidFilter("A filter inside and, or, not must name at least one field.")
    return MetadataFilters(filters=[*parts], condition=FilterCondition.AND)


def _conditions(name: str, value: object) -> list[MetadataFilter]:
    field = _FIELDS.get(name)
    if field is None:
        raise InvalidFilter(f'There is no field "{name[:64]}" to filter by.')
    if not isinstance(value, dict):
        return [MetadataFilter(key=name, value=field.read(name, value), operator=FilterOperator.EQ)]
    if not value:
        raise InvalidFilter(f'The field "{name}" names no operator.')
    return [_condition(name, field, operator, operand) for operator, operand in value.items()]


def _condition(name: str, field: _Field, operator: str, operand: object) -> MetadataFilter:
    if operator not in _OPERATORS:
        raise InvalidFilter(f'There is no operator "{operator[:64]}" (at the field "{name}").')
    if operator not in field.operators:
        raise InvalidFilter(f'The field "{name}" does not take the operator "{operator}".')
    if operator not in _MEMBERSHIP:
        value = field.read(name, operand)
        return MetadataFilter(key=name, value=value, operator=field.operators[operator])
    if not isinstance(operand, list) or not 1 <= len(operand) <= MAX_IN_VALUES:
        raise InvalidFilter(f'"in" at the field "{name}" takes a list of 1 to {MAX_IN_VALUES}.')
    values = [field.read(name, member) for member in operand]
    texts = [value for value in values if isinstance(value, str)]
    whole = [value for value in values if isinstance(value, int)]
    return MetadataFilter(key=name, value=texts or whole, operator=FilterOperator.IN)


def _read_string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidFilter(f'The field "{name}" takes a string, not {_kind(value)}.')
    if len(value) > MAX_STRING_CHARS:
        raise InvalidFilter(f'A value of "{name}" is longer than {MAX_STRING_CHARS} characters.')
    if any(unicodedata.category(char) == "Cs" for char in value):
        raise InvalidFilter(f'A value of "{name}" holds half of a surrogate pair.')
    return value


def _read_page(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidFilter(f'The field "{name}" takes a whole number, not {_kind(value)}.')
    if abs(value) > MAX_PAGE:
        raise InvalidFilter(f'A value of "{name}" is out of range.')
    return value


def _read_time(name: str, value: object) -> str:
    text = _read_string(name, value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidFilter(f'The field "{name}" takes an RFC 3339 time.') from None
    if moment.tzinfo is None:
        raise InvalidFilter(f'The time of "{name}" needs an offset, such as Z.')
    return text


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    names |= {int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), "this")


def _count(parts: list[MetadataFilter | MetadataFilters]) -> int:
    return sum(
        _count(list(part.filters)) if isinstance(part, MetadataFilters) else 1 for part in parts
    )


_NAMES = _Field(_read_string, _EQUALITY | _MEMBERSHIP)
_FIELDS = {
    "filename": _NAMES,
    "document_id": _NAMES,
    "media_type": _NAMES,
    "page": _Field(_read_page, _OPERATORS),
    "created_at": _Field(_read_time, _EQUALITY | _ORDER),
}
