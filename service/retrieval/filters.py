"""The filter grammar of the API, parsed into LlamaIndex filters. Pure.

    filter    := {} | {part, part, ...}            all parts must hold
    part      := field: value | field: {operator: value, ...}
               | "and": [filter, ...] | "or": [filter, ...] | "not": filter

Fields are those of every node, and those that the collection declares of its documents' metadata.
An unknown field or operator, or a value of the wrong type, is an error and never ignored: a filter
that silently does nothing shows people what they asked not to see.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from corpus.declared_fields import LOOKS, DeclaredFields, FieldType, fitting, moment_of
from corpus.errors import InvalidFilter
from corpus.text.storable import storable
from service.retrieval.document_conditions import DocumentCondition

# Far beyond what a person or a form writes; they bound the work one request can ask for.
MAX_DEPTH = 8
MAX_CONDITIONS = 64
MAX_IN_VALUES = 256
MAX_STRING_CHARS = 1024
MAX_PAGE = 2**31 - 1

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
    read: Callable[[str, object], Any]
    operators: Mapping[str, FilterOperator]
    condition: Callable[[str, FilterOperator, Any], MetadataFilter]


class _Fields:
    """Those of every node, and those that a collection declares."""

    def __init__(self, declared: DeclaredFields) -> None:
        self._declared = declared
        self._by_name = {name: _declared(kind) for name, kind in declared.items()} | _NODE_FIELDS

    def find(self, name: str) -> _Field:
        if name in self._by_name:
            return self._by_name[name]
        own = ", ".join(f"{one} ({kind})" for one, kind in sorted(self._declared.items()))
        raise InvalidFilter(
            f'There is no field "{name[:64]}" to filter by.',
            hint=f"Fields of every collection: {', '.join(_NODE_FIELDS)}. Declared by this one: "
            f"{own or 'none; PATCH /collections/{name} declares metadata_fields'}.",
        )


def parse_filters(raw: object, declared: DeclaredFields | None = None) -> MetadataFilters | None:
    """Parse decoded JSON; None for null and for `{}`, which filter nothing.

    Conditions on a `declared` field are `DocumentCondition`s. Errors: InvalidFilter, whose detail
    names the field or operator at fault, and the type that the field has.
    """
    if raw is None:
        return None
    parts = _parts(raw, _Fields(declared or {}), depth=1)
    if not parts:
        return None
    if _count(parts) > MAX_CONDITIONS:
        raise InvalidFilter(f"The filter has more than {MAX_CONDITIONS} conditions.")
    return MetadataFilters(filters=[*parts], condition=FilterCondition.AND)


def _parts(raw: object, fields: _Fields, *, depth: int) -> list[MetadataFilter | MetadataFilters]:
    if not isinstance(raw, dict):
        raise InvalidFilter(f"A filter is a JSON object, not {_kind(raw)}.")
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"The filter is nested more than {MAX_DEPTH} deep.")
    parts: list[MetadataFilter | MetadataFilters] = []
    for key, value in raw.items():
        if key in _GROUPS:
            parts.append(_group(key, value, fields, depth=depth))
        elif key == "not":
            parts.append(
                MetadataFilters(
                    filters=[_one(value, fields, depth=depth + 1)], condition=FilterCondition.NOT
                )
            )
        else:
            parts.extend(_conditions(key, value, fields))
    return parts


def _group(key: str, value: object, fields: _Fields, *, depth: int) -> MetadataFilters:
    if not isinstance(value, list) or not value:
        raise InvalidFilter(f'"{key}" takes a list of at least one filter.')
    if len(value) > MAX_CONDITIONS:
        raise InvalidFilter(f'"{key}" has more than {MAX_CONDITIONS} filters.')
    return MetadataFilters(
        filters=[_one(member, fields, depth=depth + 1) for member in value],
        condition=_GROUPS[key],
    )


def _one(raw: object, fields: _Fields, *, depth: int) -> MetadataFilters:
    """A member of a group: several fields in one object hold together, also inside or and not."""
    parts = _parts(raw, fields, depth=depth)
    if not parts:
        raise InvalidFilter("A filter inside and, or, not must name at least one field.")
    return MetadataFilters(filters=[*parts], condition=FilterCondition.AND)


def _conditions(name: str, value: object, fields: _Fields) -> list[MetadataFilter]:
    field = fields.find(name)
    if not isinstance(value, dict):
        return [field.condition(name, FilterOperator.EQ, field.read(name, value))]
    if not value:
        raise InvalidFilter(f'The field "{name}" names no operator.')
    return [_condition(name, field, operator, operand) for operator, operand in value.items()]


def _condition(name: str, field: _Field, operator: str, operand: object) -> MetadataFilter:
    if operator not in _OPERATORS:
        raise InvalidFilter(f'There is no operator "{operator[:64]}" (at the field "{name}").')
    if operator not in field.operators:
        raise InvalidFilter(f'The field "{name}" does not take the operator "{operator}".')
    if operator not in _MEMBERSHIP:
        return field.condition(name, field.operators[operator], field.read(name, operand))
    if not isinstance(operand, list) or not 1 <= len(operand) <= MAX_IN_VALUES:
        raise InvalidFilter(f'"in" at the field "{name}" takes a list of 1 to {MAX_IN_VALUES}.')
    values = [field.read(name, member) for member in operand]
    return field.condition(name, FilterOperator.IN, values)


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
    if moment_of(text) is None:
        raise InvalidFilter(f'The field "{name}" takes {LOOKS[FieldType.DATETIME]}.')
    return text


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    names |= {int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), "this")


def _count(parts: list[MetadataFilter | MetadataFilters]) -> int:
    return sum(
        _count(list(part.filters)) if isinstance(part, MetadataFilters) else 1 for part in parts
    )


def _on_nodes(name: str, how: FilterOperator, value: Any) -> MetadataFilter:  # noqa: ANN401
    return MetadataFilter(key=name, operator=how, value=value)


def _declared(kind: FieldType) -> _Field:
    def read(name: str, value: object) -> object:
        if isinstance(value, str):
            # As it is in the registry, which cannot store every character.
            value = storable(_read_string(name, value))
        fit = fitting(kind, value)
        if fit is None:
            raise InvalidFilter(
                f'The field "{name}" is declared as {kind}: it takes {LOOKS[kind]}, '
                f"not {_kind(value)}."
            )
        return fit

    def condition(name: str, how: FilterOperator, value: object) -> MetadataFilter:
        return DocumentCondition.on(name, kind, how, value)

    return _Field(read, _OPERATORS_OF[kind], condition)


_NAMES = _Field(_read_string, _EQUALITY | _MEMBERSHIP, _on_nodes)
_NODE_FIELDS = {
    "filename": _NAMES,
    "document_id": _NAMES,
    "media_type": _NAMES,
    "page": _Field(_read_page, _OPERATORS, _on_nodes),
    "created_at": _Field(_read_time, _EQUALITY | _ORDER, _on_nodes),
}
_OPERATORS_OF: Mapping[FieldType, Mapping[str, FilterOperator]] = {
    FieldType.KEYWORD: _EQUALITY | _MEMBERSHIP,
    FieldType.INTEGER: _OPERATORS,
    FieldType.NUMBER: _OPERATORS,
    FieldType.BOOLEAN: _EQUALITY,
    FieldType.DATETIME: _EQUALITY | _ORDER,
}
