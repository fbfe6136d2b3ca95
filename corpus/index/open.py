"""Which node index the settings ask for."""

from __future__ import annotations

from corpus.index.fusion import ScoreFusion
from corpus.index.port import NodeStore
from corpus.settings import Settings

SERVER_TIMEOUT_S = 10.0
EDGE_FOLDER = "index"


def open_node_store(settings: Settings, fingerprint_short: str, dimension: int) -> NodeStore:
    """The server at `qdrant_url` if that is set, else Qdrant Edge in the data folder.

    On a server the collection is `lectern-<fingerprint_short>`, so that differently embedded
    nodes never share one. Raises `IndexUnavailable`, `EmbeddingMismatch` or (Edge) `DataDirInUse`.
    """
    fusion = ScoreFusion(embedded_languages=settings.embedded_languages)
    if settings.qdrant_url:
        # Imported here: the client takes two seconds to import and Edge does not need it.
        from corpus.index.server.store import open_server_store  # noqa: PLC0415

        api_key = settings.qdrant_api_key
        return open_server_store(
            settings.qdrant_url,
            api_key.get_secret_value() if api_key is not None else None,
            f"lectern-{fingerprint_short}",
            dimension,
            timeout_s=SERVER_TIMEOUT_S,
            fusion=fusion,
        )
    from corpus.index.edge.store import EdgeVectorStore  # noqa: PLC0415

    return EdgeVectorStore.open(settings.data_dir / EDGE_FOLDER, dimension, fusion)
