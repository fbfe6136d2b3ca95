"""Fields of documents' metadata that a collection declares, and which values fit them. Pure.

A declared field has a type, and filters may ask for it. Its value in a document's metadata is one
of that type, or a list of such values, of which then one has to fulfil a condition; null is as good
as no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, TypeAlias

from corpus.errors import InvalidMetadata, InvalidRequest

MAX_FIELDS = 64
MAX_NAME_CHARS = 64

# What filters say already, and what a node has from its document.
RESERVED_NAMES = frozenset(
    {"and", "or", "not"}
    | {"collection", "created_at", "document_id", "filename", "media_type", "page", "version"}
)

_INT64 = range(-(2**63), 2**63)


class FieldType(StrEnum):
    """What a declared field holds."""

    KEYWORD = "keyword"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"


DeclaredFields: TypeAlias = Mapping[str, FieldType]
FieldValue: TypeAlias = str | int | float | bool | datetime

# What a value of each type looks like, to complete "takes ...".
LOOKS: Mapping[FieldType, str] = {
    FieldType.KEYWORD: "a string",
    FieldType.INTEGER: "a whole number of 64 bits",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATETIME: "a time with its offset (2024-05-31T10:00:00Z) or a date (2024-05-31)",
}


def check_declaration(fields: DeclaredFields) -> None:
    """Raise `InvalidRequest` for too many fields, or a name that cannot be one."""
    if len(fields) > MAX_FIELDS:
        raise InvalidRequest(f"{len(fields)} metadata_fields; {MAX_FIELDS} are accepted.")
    for name in fields:
        if name in RESERVED_NAMES:
            raise InvalidRequest(
                f'"{name}" cannot be declared: filters have it already.',
                hint=f"Choose another name than {', '.join(sorted(RESERVED_NAMES))}.",
            )
        if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable() or name != name.strip():
            raise InvalidRequest(
                f"{name[:MAX_NAME_CHARS]!r} cannot be the name of a field.",
                hint=f"Use 1 to {MAX_NAME_CHARS} printable characters without spaces around them.",
            )


def check_values(metadata: Mapping[str, Any], fields: DeclaredFields) -> None:
    """Raise `InvalidMetadata` where a declared field has a value of another type."""
    for name, kind in fields.items():
        if any(fitting(kind, value) is None for value in _stored(metadata, name)):
            raise InvalidMetadata(
                f'The collection declares the metadata field "{name}" as {kind}: '
                f"it takes {LOOKS[kind]}, or a list of such values.",
                hint="Correct the value, or leave the field out; GET /collections/{name} has the "
                "declared fields, and PATCH changes them.",
            )


def values_of(metadata: Mapping[str, Any], name: str, kind: FieldType) -> list[FieldValue]:
    """What the field holds, without what does not fit its type (which is older than that)."""
    values = (fitting(kind, value) for value in _stored(metadata, name))
    return [value for value in values if value is not None]


def fitting(kind: FieldType, value: object) -> FieldValue | None:
    """The value as it is compared (times in UTC); None when it is not of the type."""
    return _READERS[kind](value)


def moment_of(text: str) -> datetime | None:
    """A time with an offset, in UTC; a date is its midnight there. None for anything else."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, UTC)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _stored(metadata: Mapping[str, Any], name: str) -> list[Any]:
    stored = metadata.get(name)
    if stored is None:
        return []
    return stored if isinstance(stored, list) else [stored]


def _keyword(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value in _INT64 else None


def _number(value: object) -> int | float | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _datetime(value: object) -> datetime | None:
    return moment_of(value) if isinstance(value, str) else None


_READERS: Mapping[FieldType, Callable[[object], FieldValue | None]] = {
    FieldType.KEYWORD: _keyword,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATETIME: _datetime,
}
