"""JSON inside the fields of a form."""

from __future__ import annotations

import json
from typing import Any

from corpus.errors import InvalidMetadata


def json_object(raw: str, name: str) -> dict[str, Any]:
    """The object that a field holds; `InvalidMetadata` naming the field when it holds none."""
    value = _json(raw, name)
    if not isinstance(value, dict):
        raise InvalidMetadata(f"{name} is not a JSON object.")
    return value


def json_strings(raw: str, name: str) -> tuple[str, ...]:
    """The list of strings that a field holds; `InvalidMetadata` when it holds none."""
    value = _json(raw, name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidMetadata(f"{name} is not a JSON list of strings.")
    return tuple(value)


def _json(raw: str, name: str) -> object:
    try:
        return json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidMetadata(f"{name} is not valid JSON.") from error


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
