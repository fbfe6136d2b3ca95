"""What says in a collection on a Qdrant server whose it is: its metadata, since Qdrant 1.16."""

from __future__ import annotations

import time

from qdrant_client import QdrantClient
from qdrant_client.http.models import CollectionInfo

from corpus.errors import IndexUnavailable, Misconfigured
from corpus.index.layout import DOCUMENT_FIELD
from corpus.index.server.collection import MARKED_SINCE, OWNER, is_older
from corpus.index.server.connection import server_errors
from corpus.ownership import Installation

LOOKED_AT = 1000  # documents
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

    def set_if_missing(self, installation_id: str) -> None:
        """Mark it, unless somebody was quicker; `Misconfigured` where it is not kept."""
        if self.read() is None:
            self.replace(installation_id)

    def replace(self, installation_id: str) -> None:
        """Mark it, whoever's it was; `Misconfigured` where it is not kept."""
        with server_errors():
            self._client.update_collection(self._name, metadata={OWNER: installation_id})
        self._wait_for(installation_id)

    def has_only_unknown(self, installation: Installation) -> bool:
        """Whether the registry knows none of some documents that have nodes, if any have."""
        with server_errors():
            found = self._client.facet(self._name, DOCUMENT_FIELD, limit=LOOKED_AT, exact=True)
        ids = [str(hit.value) for hit in found.hits if hit.count]
        return bool(ids) and not installation.knows_documents(ids)

    def _wait_for(self, installation_id: str) -> None:
        for _ in range(HEARD_TRIES):
            found = self.read()
            if found == installation_id:
                return
            time.sleep(HEARD_AGAIN_S)
        if found is not None:
            return  # another was marked since: whoever asked looks again
        with server_errors():
            version = self._client.info().version
        if is_older(version, MARKED_SINCE):
            raise Misconfigured(
                f"Qdrant {version} does not keep whose a collection is.",
                hint="Upgrade Qdrant to 1.16 or later, better 1.19.",
            )
        raise IndexUnavailable(f"{self.store} was marked, and does not say so.")


def owner_of(info: CollectionInfo) -> str | None:
    """The id of the installation whose the collection is; None when it is not marked."""
    owner = (info.config.metadata or {}).get(OWNER)
    return None if owner is None else str(owner)
