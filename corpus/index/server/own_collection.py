"""One collection of a Qdrant server, as who works with it sees it: made, marked, asked, changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from qdrant_client import QdrantClient
from qdrant_client.http.models import Filter, FilterSelector, UpdateResult

from corpus.errors import IndexUnavailable, InvalidFilter, StoreOfAnother
from corpus.index.port import Registration
from corpus.index.server.collection import (
    PREFIX,
    CollectionLayout,
    check_dimension,
    delete_points,
    ensure_collection,
    find_collection,
    owner_of,
)
from corpus.index.server.connection import (
    PROBE,
    ServerAddress,
    connect,
    require_carried_out,
    server_errors,
)
from corpus.index.server.mark import CollectionMark
from corpus.ownership import Installation, Ownership
from corpus.pinging import BoundedPing

AnswerT = TypeVar("AnswerT")


class OwnCollection:
    """Safe to use from several threads; close it when done.

    Making this object asks nothing of the server: the first call that gets through prepares the
    collection. Without an `installation` it is only read.
    """

    def __init__(
        self,
        address: ServerAddress,
        name: str,
        dimension: int,
        layout: CollectionLayout,
        installation: Installation | None,
        registration: Registration | None,
    ) -> None:
        self.client = connect(address)
        self.name = name
        self._probe = connect(replace(address, limits=PROBE))
        self._dimension = dimension
        self._layout = layout
        self._installation = installation
        self._ownership = Ownership(CollectionMark(self.client, name), installation)
        self._registration = registration
        self._ask_registry = (
            None
            if registration is None
            else BoundedPing(registration.require_current, name="The registry")
        )
        self._is_prepared = False

    def prepare(self) -> None:
        """Make the collection if it is missing, and ours if it is nobody's.

        Without an installation it must be there. Raises `IndexUnavailable`, `EmbeddingMismatch` for
        a collection of other vectors, `StoreOfAnother`, and `Misconfigured` for a server that does
        not keep whose it is.
        """
        if self._installation is None:
            self._require_collection()
        else:
            self._make(self._installation, self._ownership.require)
            self._ownership.require()
        self._is_prepared = True

    def exists(self) -> bool:
        """Whether there is the collection; makes nothing."""
        with server_errors():
            return find_collection(self.client, self.name) is not None

    def anothers(self) -> StoreOfAnother | None:
        """What `prepare` would raise of whose the collection is; makes and marks nothing."""
        return self._ownership.anothers() if self.exists() else None

    def take_over(self) -> str | None:
        """Make the collection ours, whoever's it was, which this gives. Errors as `prepare`."""
        if self._installation is not None:
            self._make(self._installation, lambda: None)
        before = self._ownership.take_over()
        self._is_prepared = True
        return before

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the server answers for the collection, within 2 s.

        `StoreOfAnother` when it is not ours any longer. With a registration, also
        `IndexSuperseded`, and what else comes of asking it.
        """
        if self._is_prepared:
            with server_errors():
                info = self._probe.get_collection(self.name)
            if self._installation is not None:
                self._ownership.heard(owner_of(info))
        else:
            with server_errors():
                self._probe.info()
            self.prepare()
        if self._ask_registry is not None:
            self._ask_registry()

    def require_current(self) -> None:
        """Raise `IndexSuperseded` where the registry has another index now."""
        if self._registration is not None:
            self._registration.require_current()

    def change(self, call: Callable[[QdrantClient], UpdateResult]) -> None:
        """Have points changed, which has to be carried out, while the collection is ours."""
        if not self._is_prepared:
            self.prepare()
        self._ownership.require()
        require_carried_out(self.ask(call))

    def ask(self, call: Callable[[QdrantClient], AnswerT]) -> AnswerT:
        """What the call gives. Raises as `prepare`, and `IndexUnavailable`."""
        if not self._is_prepared:
            self.prepare()
        with server_errors():
            return call(self.client)

    def delete_where(self, condition: Filter | None) -> None:
        """Delete what matches, in all other indexes of the registry too.

        Raises `InvalidFilter` where nothing is asked for.
        """
        if condition is None:
            raise InvalidFilter("Say which nodes to delete.")
        selector = FilterSelector(filter=condition)
        self.change(lambda client: client.delete(self.name, selector, wait=True))
        if self._registration is not None and self._installation is not None:
            owner = self._installation.id
            for other in self._registration.others():
                with server_errors():
                    delete_points(self.client, f"{PREFIX}{other}", selector, owner=owner)

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self.client.close()
        self._probe.close()

    def _make(self, installation: Installation, require_ours: Callable[[], None]) -> None:
        # Without a lock: several at once are harmless, and behind one that waits all would wait.
        with server_errors():
            ensure_collection(
                self.client,
                self.name,
                self._dimension,
                self._layout,
                installation.id,
                require_ours,
            )

    def _require_collection(self) -> None:
        with server_errors():
            info = find_collection(self.client, self.name)
        if info is None:
            raise IndexUnavailable(
                f"There is no collection {self.name} on the Qdrant server.",
                hint="A server or worker makes it; of one that was lost, restore a snapshot.",
            )
        check_dimension(self._dimension, info)
