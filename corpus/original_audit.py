"""Comparing the originals that are kept with those that versions refer to, both directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from corpus.deletion import drop_originals
from corpus.errors import OriginalMissing
from corpus.originals.port import KeptOriginal, OriginalStore
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import is_referenced
from corpus.registry.loose_originals import loose
from corpus.registry.strays import referenced_contents

# An upload keeps its bytes before its rows are committed. That takes moments; an hour is certain.
GRACE_S = 3600.0
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class OriginalRepairs:
    """Hashes of originals: those removed, those that versions miss, those of no document we know.

    `unknown` ones are kept: the registry has not sent them, as far as it knows.
    """

    removed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there was anything to say."""
        return bool(self.removed or self.missing or self.unknown)


def audit_originals(
    registry: Registry,
    originals: OriginalStore,
    *,
    grace_s: float = GRACE_S,
    unknown_too: bool = False,
) -> OriginalRepairs:
    """Remove originals that are not needed for `grace_s`, and name those that are missing.

    Removed is what the registry noted as loose (loose_originals.py), and with `unknown_too` all
    that no version refers to: where a store is shared that may be what another registry knows, if
    ours was put back to an earlier time, or copied. A version whose original is missing and that
    has to be ingested fails by itself, as `original_missing`; one that is live answers on, and only
    its download fails. Raises `StorageUnavailable`.
    """
    removed = _drop_loose(registry, originals, grace_s)
    found = survey_originals(registry, originals, grace_s=grace_s)
    if not unknown_too:
        return replace(found, removed=tuple(removed))
    removed += drop_originals(registry, originals, found.unknown)
    return OriginalRepairs(tuple(removed), found.missing)


def survey_originals(
    registry: Registry, originals: OriginalStore, *, grace_s: float = GRACE_S
) -> OriginalRepairs:
    """What is missing, and what is of no document for `grace_s`; changes nothing.

    Both are lists walked once, in the same order, so memory stays flat.
    """
    unknown: list[str] = []
    missing: list[str] = []
    for found in unmatched(originals.kept(), _referenced(registry)):
        if isinstance(found, str):
            if _is_missing(registry, originals, found):
                missing.append(found)
        elif found.age_s >= grace_s:
            unknown.append(found.content_sha256)
    return OriginalRepairs(missing=tuple(missing), unknown=tuple(unknown))


def unmatched(
    kept: Iterator[KeptOriginal], referenced: Iterator[str]
) -> Iterator[KeptOriginal | str]:
    """What is only kept, and the hashes that are only referred to; both inputs in order. Pure."""
    original, content = next(kept, None), next(referenced, None)
    while original is not None or content is not None:
        if content is None or (original is not None and original.content_sha256 < content):
            if original is not None:
                yield original
            original = next(kept, None)
        elif original is None or content < original.content_sha256:
            yield content
            content = next(referenced, None)
        else:
            original, content = next(kept, None), next(referenced, None)


def _drop_loose(registry: Registry, originals: OriginalStore, grace_s: float) -> list[str]:
    removed: list[str] = []
    while True:
        with registry.read() as connection:
            some = loose(connection, for_s=grace_s, limit=ROWS_AT_ONCE)
        # Each is struck, whether it was removed or is needed.
        removed += drop_originals(registry, originals, some)
        if len(some) < ROWS_AT_ONCE:
            return removed


def _referenced(registry: Registry) -> Iterator[str]:
    last = ""
    while True:
        with registry.read() as connection:
            found = referenced_contents(connection, after=last, limit=ROWS_AT_ONCE)
        yield from found
        if len(found) < ROWS_AT_ONCE:
            return
        last = found[-1]


def _is_missing(registry: Registry, originals: OriginalStore, content_sha256: str) -> bool:
    """Look once more: the two lists are not of the same moment."""
    with registry.read() as connection:
        if not is_referenced(connection, content_sha256):
            return False
    try:
        with originals.local_copy(content_sha256):
            return False
    except OriginalMissing:
        return True
