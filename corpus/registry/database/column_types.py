"""Column types that take whatever text comes, alike on every database (`storable`)."""

from __future__ import annotations

import json
import re
from typing import Any

import sqlalchemy
from sqlalchemy import Dialect, TypeDecorator
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

from corpus.text.storable import storable

_NOT_STORED_IN_JSON = re.compile(r"\\u0000|[\ud800-\udfff]")


def storable_json(value: object) -> object:
    """`storable`, for all the texts inside a JSON value."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable_json(key): storable_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(inner) for inner in value]
    return value


class _Storable(TypeDecorator[str]):
    impl = sqlalchemy.String
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Also what is only compared with the column: nothing that is stored equals it."""
        return None if value is None else storable(value)


class String(_Storable):
    """SQLAlchemy's String, for any text."""

    cache_ok = True


class Text(_Storable):
    """SQLAlchemy's Text, for any text."""

    impl = sqlalchemy.Text
    cache_ok = True


class JSON(TypeDecorator[Any]):
    """SQLAlchemy's JSON, for any text inside; JSON can spell such characters, few can read them."""

    impl = sqlalchemy.JSON
    cache_ok = True

    def coerce_compared_value(self, op: OperatorType | None, value: object) -> TypeEngine[Any]:
        """What stands beside the column in SQL, a key for instance, is no JSON itself."""
        return self.impl_instance.coerce_compared_value(op, value)

    def process_bind_param(self, value: object, _dialect: Dialect) -> object:
        """Applied before it is serialised."""
        # Seldom is anything to be replaced, and a trace has hundreds of texts.
        is_suspect = _NOT_STORED_IN_JSON.search(json.dumps(value, ensure_ascii=False))
        return storable_json(value) if is_suspect else value
