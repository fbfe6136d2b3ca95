"""The rule for the names of collections."""

from __future__ import annotations

import re

from corpus.errors import InvalidCollectionName

_COLLECTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_collection_name(name: str) -> str:
    """The name itself, or `InvalidCollectionName`."""
    if not _COLLECTION_NAME.fullmatch(name):
        raise InvalidCollectionName(f"{name[:80]!r} cannot be the name of a collection.")
    return name
