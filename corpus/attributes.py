"""What a caller may attach to a document: bounded, and such that it can be served again. Pure.

JSON as parsed by Python holds more than can be written: halves of surrogate pairs, NaN, infinity
(also as 1e999), nesting that a serializer refuses. Once stored, one such value would break every
list that it is on. All functions raise `InvalidMetadata`.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from corpus.errors import InvalidMetadata

# Far beyond labels and links, far below what a page of a list can carry for each document.
MAX_METADATA_BYTES = 16 * 1024
MAX_METADATA_DEPTH = 16
MAX_PRINCIPALS = 256
MAX_PRINCIPAL_CHARS = 256
MAX_EXTERNAL_ID_CHARS = 512


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """At most `MAX_METADATA_BYTES` as JSON in UTF-8, nested at most `MAX_METADATA_DEPTH` deep."""
    level: list[object] = [metadata]
    depth = 0
    while level:
        depth += any(isinstance(value, Mapping | list) for value in level)
        if depth > MAX_METADATA_DEPTH:
            raise InvalidMetadata(f"metadata is nested more than {MAX_METADATA_DEPTH} deep.")
        level = [part for value in level for part in _parts(value)]
    size_bytes = len(json.dumps(metadata, ensure_ascii=False).encode())
    if size_bytes > MAX_METADATA_BYTES:
        raise InvalidMetadata(
            f"metadata has {size_bytes:,} bytes; {MAX_METADATA_BYTES:,} are accepted."
        )


def check_acl(acl: Sequence[str]) -> None:
    """At most `MAX_PRINCIPALS` names of 1 to `MAX_PRINCIPAL_CHARS` printable characters.

    Commas separate them where a header names several.
    """
    if len(acl) > MAX_PRINCIPALS:
        raise InvalidMetadata(f"acl has {len(acl)} principals; {MAX_PRINCIPALS} are accepted.")
    for principal in acl:
        _check_name(principal, "A principal of acl", MAX_PRINCIPAL_CHARS)
        if "," in principal or principal != principal.strip():
            raise InvalidMetadata("A principal of acl has a comma in it, or a space at an end.")


def check_external_id(external_id: str | None) -> None:
    """None, or 1 to `MAX_EXTERNAL_ID_CHARS` printable characters."""
    if external_id is not None:
        _check_name(external_id, "external_id", MAX_EXTERNAL_ID_CHARS)


def _parts(value: object) -> list[object]:
    """The values inside a value; itself is checked when it is a plain one."""
    if isinstance(value, Mapping):
        for key in value:
            _check_text(key)
        return list(value.values())
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidMetadata("metadata holds a number that is not finite.")
    return []


def _check_text(text: str) -> None:
    if any(unicodedata.category(char) == "Cs" for char in text):
        raise InvalidMetadata("metadata holds half of a surrogate pair, which is no character.")


def _check_name(name: str, what: str, max_chars: int) -> None:
    if not 1 <= len(name) <= max_chars:
        raise InvalidMetadata(f"{what} has {len(name)} characters, not 1 to {max_chars}.")
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in name):
        raise InvalidMetadata(f"{what} holds a control character or half of a surrogate pair.")
