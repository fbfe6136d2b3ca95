"""Which node index the settings ask for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from corpus.errors import IndexUnavailable
from corpus.index.fusion import ScoreFusion
from corpus.index.port import NodeStore
from corpus.settings import Settings

if TYPE_CHECKING:
    from corpus.index.server.store import ServerVectorStore

EDGE_FOLDER = "index"

logger = logging.getLogger(__name__)


def open_node_store(settings: Settings, fingerprint_short: str, dimension: int) -> NodeStore:
    """The server at `qdrant_url` if that is set, else Qdrant Edge in the data folder.

    On a server the collection is `lectern-<fingerprint_short>`, so that differently embedded
    nodes never share one; a server that does not answer is a warning, and is used once it does.
    Raises `EmbeddingMismatch` or (Edge) `DataDirInUse` or `IndexUnavailable`.
    """
    fusion = ScoreFusion(embedded_languages=settings.embedded_languages)
    if settings.qdrant_url:
        store = open_server_store(
            settings, settings.qdrant_url, fingerprint_short, dimension, fusion
        )
        try:
            store.prepare()
        except IndexUnavailable as error:
            logger.warning("%s %s It is asked again and again.", error.detail, error.hint)
        return store
    from corpus.index.edge.store import EdgeVectorStore  # noqa: PLC0415

    return EdgeVectorStore.open(settings.data_dir / EDGE_FOLDER, dimension, fusion)


def open_server_store(
    settings: Settings,
    url: str,
    fingerprint_short: str,
    dimension: int,
    fusion: ScoreFusion | None = None,
) -> ServerVectorStore:
    """The store on the server at `url`, with the key and layout of the settings; asks nothing."""
    # Imported here: the client takes two seconds to import and Edge does not need it.
    from corpus.index.server.collection import PREFIX, CollectionLayout  # noqa: PLC0415
    from corpus.index.server.connection import ServerAddress  # noqa: PLC0415
    from corpus.index.server.store import ServerVectorStore  # noqa: PLC0415

    key = settings.qdrant_api_key
    return ServerVectorStore(
        ServerAddress(url, key.get_secret_value() if key is not None else None),
        f"{PREFIX}{fingerprint_short}",
        dimension,
        layout=CollectionLayout.of(settings),
        fusion=fusion,
    )
