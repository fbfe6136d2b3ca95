"""Whether a search within a collection may be one of the whole index, which is faster.

Where all nodes are of one collection, asking for it changes nothing, and costs: at 26,000 points
2.9 instead of 1.7 ms for the dense half of a search, 1.4 instead of 0.3 ms for the sparse one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters

from corpus.index.filters import tenant_scope


class Tenants:
    """The collections that have nodes in an index, as far as is known; thread-safe.

    `find_all` asks the index. Every write says so, so that what is known is what is there, but for
    the moment of the write itself: whoever searches without a filter looks at what was found.
    """

    def __init__(self, find_all: Callable[[], Collection[str]]) -> None:
        self._find_all = find_all
        self._known: frozenset[str] | None = None
        self._writes = 0
        self._lock = threading.Lock()

    def are_only(self, tenant: str) -> bool:
        """Whether there are nodes of this collection and of no other."""
        with self._lock:
            known, writes = self._known, self._writes
        if known is None:
            known = frozenset(self._find_all())
            with self._lock:
                if writes == self._writes:
                    self._known = known
        return known == {tenant}

    @contextmanager
    def adding(self, tenants: Collection[str]) -> Iterator[None]:
        """Around writing nodes of these collections."""
        # Before, for who searches from now on; after, for who asked the index in between.
        self._add(tenants)
        try:
            yield
        finally:
            self._add(tenants)

    @contextmanager
    def removing(self) -> Iterator[None]:
        """Around removing nodes: fewer collections may be left."""
        try:
            yield
        finally:
            with self._lock:
                self._writes += 1
                self._known = None

    def _add(self, tenants: Collection[str]) -> None:
        with self._lock:
            self._writes += 1
            if self._known is not None:
                self._known = self._known.union(tenants)


def only_tenant(filters: MetadataFilters | None, tenants: Tenants) -> str | None:
    """The collection that `filters` fix, if the index has nothing else; else None."""
    scope = tenant_scope(filters)
    if scope is None or len(scope.filters) != 1:
        return None
    (member,) = scope.filters
    if not isinstance(member, MetadataFilter) or not isinstance(member.value, str):
        return None
    return member.value if tenants.are_only(member.value) else None


def without_tenant(filters: MetadataFilters) -> MetadataFilters | None:
    """What `filters` ask for besides the collection that they fix; None for nothing."""
    scope = tenant_scope(filters)
    fixing = [] if scope is None else scope.filters
    rest = [member for member in filters.filters if member not in fixing]
    return MetadataFilters(filters=rest, condition=filters.condition) if rest else None
