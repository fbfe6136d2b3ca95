"""What the pipeline needs of a parser and of an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import MetadataFilters

from corpus.kinds.known import FileKind
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.pipeline.reuse import EmbeddingLender


class OnProgress(Protocol):
    """Told how far a stage is."""

    def __call__(self, done: int, total: int, /) -> None:
        """`done` of `total` units."""
        ...


class Parser(Protocol):
    """Reads one file; ingestion/reading.py has the real one."""

    def parse(
        self, path: Path, kind: FileKind, *, on_progress: OnProgress, scratch: Scratch | None
    ) -> ParsedDocument:
        """All pages, or an `UnreadableFile`; attachments go into the scratch."""
        ...


class NodeWriter(EmbeddingLender, Protocol):
    """The part of a node store that ingestion needs."""

    is_on_server: ClassVar[bool]

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the engine answers."""
        ...

    def add(self, nodes: Sequence[TextNode]) -> list[str]:
        """Write nodes with their embeddings; their ids."""
        ...

    def delete_nodes(self, *, filters: MetadataFilters) -> None:
        """Remove what matches."""
        ...

    def count(self, filters: MetadataFilters | None) -> int:
        """How many nodes match."""
        ...
