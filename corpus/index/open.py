"""Which node index the settings ask for."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.errors import IndexUnavailable
from corpus.index.fusion import ScoreFusion
from corpus.index.port import NodeStore, Registration
from corpus.ownership import Installation
from corpus.settings import Settings

if TYPE_CHECKING:
    from corpus.index.server.connection import ServerAddress
    from corpus.index.server.store import ServerVectorStore

EDGE_FOLDER = "index"

logger = logging.getLogger(__name__)


def open_node_store(
    settings: Settings,
    fingerprint_short: str,
    dimension: int,
    installation: Installation | None = None,
    registration: Registration | None = None,
) -> NodeStore:
    """The server at `qdrant_url` if that is set, else Qdrant Edge in the data folder.

    On a server the collection is `lectern-<fingerprint_short>`, so that differently embedded
    nodes never share one; a server that does not answer is a warning, and is used once it does.
    The collection is the `installation`'s, and marked so where it is nobody's; without one it is
    only read. With a `registration`, nothing is found in it once it is not the registry's any more,
    and what is deleted is deleted in the registry's other indexes too.
    Raises `EmbeddingMismatch`, `StoreOfAnother` or (Edge) `DataDirInUse` or `IndexUnavailable`.
    """
    fusion = ScoreFusion(embedded_languages=settings.embedded_languages)
    if settings.qdrant_url:
        store = open_server_store(
            settings,
            settings.qdrant_url,
            fingerprint_short,
            dimension,
            installation=installation,
            fusion=fusion,
            registration=registration,
        )
        try:
            store.prepare()
        except IndexUnavailable as error:
            logger.warning("%s %s It is asked again and again.", error.detail, error.hint)
        return store
    from corpus.index.edge.store import EdgeVectorStore  # noqa: PLC0415

    folder = edge_folder(settings.data_dir, fingerprint_short)
    return EdgeVectorStore.open(folder, dimension, fusion)


def edge_folder(data_dir: Path, fingerprint_short: str) -> Path:
    """Where nodes that are embedded so are: in a folder of their own if they were reindexed."""
    reindexed = folder_beside(data_dir, fingerprint_short)
    return reindexed if reindexed.exists() else data_dir / EDGE_FOLDER


def folder_beside(data_dir: Path, fingerprint_short: str) -> Path:
    """The folder of its own that a reindex gives to nodes that are embedded so.

    Once it is there, `edge_folder` is this one.
    """
    return data_dir / f"{EDGE_FOLDER}-of-{fingerprint_short}"


def other_edge_folders(data_dir: Path, current: str) -> set[Path]:
    """All folders of indexes but that of the current one, named by its fingerprint."""
    found = {data_dir / EDGE_FOLDER, *data_dir.glob(f"{EDGE_FOLDER}-of-????????")}
    return found - {edge_folder(data_dir, current)}


def remove_edge_folder(folder: Path) -> None:
    """Remove an index, which must be closed; harmless again."""
    beside = (
        *folder.parent.glob(f"{folder.name}.*"),
        *folder.parent.glob(f"{folder.name}-[0-9]*"),
    )
    for path in (folder, *beside):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def clear_server_index(
    settings: Settings, fingerprint_short: str, document_ids: Collection[str], *, owner: str
) -> None:
    """Remove the nodes of these documents from an index on the server, if it is the `owner`'s.

    The collection stays. Raises `IndexUnavailable`.
    """
    # Imported here: the client takes two seconds to import and Edge does not need it.
    from corpus.index.server.clearing import clear_collection  # noqa: PLC0415

    clear_collection(_address(settings), fingerprint_short, document_ids, owner=owner)


def open_server_store(
    settings: Settings,
    url: str,
    fingerprint_short: str,
    dimension: int,
    *,
    installation: Installation | None,
    fusion: ScoreFusion | None = None,
    registration: Registration | None = None,
) -> ServerVectorStore:
    """The store on the server at `url`, with the key and layout of the settings; asks nothing."""
    # Imported here: the client takes two seconds to import and Edge does not need it.
    from corpus.index.server.collection import PREFIX, CollectionLayout  # noqa: PLC0415
    from corpus.index.server.store import ServerVectorStore  # noqa: PLC0415

    return ServerVectorStore(
        _address(settings, url),
        f"{PREFIX}{fingerprint_short}",
        dimension,
        installation,
        layout=CollectionLayout.of(settings),
        fusion=fusion,
        registration=registration,
    )


def _address(settings: Settings, url: str | None = None) -> ServerAddress:
    from corpus.index.server.connection import ServerAddress  # noqa: PLC0415

    key = settings.qdrant_api_key
    return ServerAddress(
        url or settings.qdrant_url or "", key.get_secret_value() if key is not None else None
    )
