"""A data folder as a server leaves it: a registry, an original and an index that agree."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import text

from corpus.access import UNRESTRICTED
from corpus.embedding.fingerprint import CHUNKER_VERSION, EmbeddingFingerprint
from corpus.index.open import open_node_store
from corpus.index.port import NodeStore
from corpus.originals.folder import FolderOriginals
from corpus.registry.fingerprints import remember_fingerprint
from corpus.registry.installation import this_installation
from corpus.registry.leases import claim_next
from corpus.registry.new_versions import Content
from corpus.registry.open import open_registry
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.versions import complete_version
from corpus.settings import Settings
from corpus.values import Coverage, PageText
from tests.samples.index_nodes import a_node

BUILT_IN: dict[str, Any] = {
    "model": "all-MiniLM-L6-v2",
    "dimension": 384,
    "pooling": "mean",
    "prefix": "",
    "normalised": True,
    "chunker_version": CHUNKER_VERSION,
}
TOWARDS_X = [1.0] + [0.0] * 383


class DataFolder:
    """One live document in a data folder that nobody owns, or where else the settings say."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.chmod(0o700)
        self.settings = Settings(data_dir=folder, **settings)  # type: ignore[arg-type]
        self.registry = open_registry(self.settings)
        self.originals = FolderOriginals(folder / "originals")
        with self.originals.stage(BytesIO(b"copper"), max_bytes=100) as staged:
            self.content = staged.content_sha256
            with self.registry.write() as connection:
                content = Content(self.content, 6, "text/plain")
                upload = Upload("default", "c.txt")
                document = accept_upload(connection, upload, content, UNRESTRICTED).document
                staged.keep()
        self.document_id = document.id
        with self.registry.write() as connection:
            job = claim_next(connection, "w")
            assert job is not None
            remember_fingerprint(connection, "default", BUILT_IN)
            complete_version(
                connection,
                job,
                read_pages=[PageText(1, "copper", 0)],
                page_count=1,
                chunk_count=1,
                coverage=Coverage(1),
            )
        self.in_index(lambda store: store.add([self.node()]))

    def node(self) -> Any:  # noqa: ANN401
        return a_node("copper", TOWARDS_X, document_id=self.document_id)

    def in_index(self, change: Callable[[NodeStore], object]) -> None:
        ours = this_installation(self.registry)
        store = open_node_store(self.settings, EmbeddingFingerprint(**BUILT_IN).short, 384, ours)
        change(store)
        store.close()

    def sql(self, statement: str) -> None:
        with self.registry.write() as connection:
            connection.execute(text(statement))
