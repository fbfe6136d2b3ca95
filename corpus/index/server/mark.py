"""What says in a collection on a Qdrant server whose it is: its metadata, since Qdrant 1.16."""

from __future__ import annotations

import time

from qdrant_client import QdrantClient

from corpus.errors import IndexUnavailable, Misconfigured
from corpus.index.layout import DOCUMENT_FIELD
from corpus.index.server.collection import MARKED_SINCE, OWNER, is_older, owner_of
from corpus.index.server.connection import server_errors
from corpus.ownership import Installation

LOOKED_AT = 1000  # nodes
# A node of a cluster may answer before it has heard of a change that another one has made.
HEARD_TRIES, HEARD_AGAIN_S = 20, 0.1


class CollectionMark:
    """The `Mark` of a collection that is there. Errors: `IndexUnavailable`.

    Qdrant has no conditions for it: of two that mark at the same moment the last one counts, which
    the first sees when it looks again.
    """

    setting = "QDRANT_URL"

    def __init__(self, client: QdrantClient, name: str) -> None:
        self._client = client
        self._name = name

    @property
    def store(self) -> str:
        """The collection's name."""
        return f"The Qdrant collection {self._name}"

    def read(self) -> str | None:
        """Whose it is; None when it is not marked."""
        with server_errors():
            return owner_of(self._client.get_collection(self._name))

    def set_if_missing(self, installation_id: str) -> str | None:
        """Mark it, unless somebody was quicker; whose it is then. `Misconfigured` as `replace`."""
        return self.read() or self._marked(installation_id)

    def replace(self, installation_id: str) -> None:
        """Mark it, whoever's it was; `Misconfigured` where it is not kept."""
        self._marked(installation_id)

    def has_only_unknown(self, installation: Installation) -> bool:
        """Whether the registry knows none of some documents that have nodes, if any have."""
        with server_errors():
            # Not a facet: counting all of a large collection takes longer than anybody waits.
            nodes, _ = self._client.scroll(
                self._name, limit=LOOKED_AT, with_payload=[DOCUMENT_FIELD], with_vectors=False
            )
        ids = sorted({str((one.payload or {}).get(DOCUMENT_FIELD)) for one in nodes})
        return bool(ids) and not installation.knows_documents(ids)

    def _marked(self, installation_id: str) -> str:
        """Mark it, and give what is heard of it: another where somebody marked it since."""
        with server_errors():
            self._client.update_collection(self._name, metadata={OWNER: installation_id})
        for _ in range(HEARD_TRIES):
            found = self.read()
            if found == installation_id:
                return found
            time.sleep(HEARD_AGAIN_S)
        if found is not None:
            return found
        with server_errors():
            version = self._client.info().version
        if is_older(version, MARKED_SINCE):
            raise Misconfigured(
                f"Qdrant {version} does not keep whose a collection is.",
                hint="Upgrade Qdrant to 1.16 or later, better 1.19.",
            )
        raise IndexUnavailable(f"{self.store} was marked, and does not say so.")
