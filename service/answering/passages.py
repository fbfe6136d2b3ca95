"""A passage: one retrieved node as the answering parts see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from llama_index.core.schema import NodeWithScore, TextNode

from corpus.nodes import NodeMetadata


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk's text and where it stands.

    `number` counts from 1 in the order of retrieval; `start_char` is the offset of `text` in the
    document's text; `page` counts from 1. `table_header` is a line of cells for each row that names
    the columns of the rows `text` begins with; empty when they are in it, or there are none.
    `created_at` is when the document was uploaded, RFC 3339 in UTC.
    """

    number: int
    document_id: str
    version: int
    filename: str
    title: str
    heading_path: str
    page: int
    text: str
    start_char: int
    table_header: str = ""
    created_at: str = ""

    @property
    def above(self) -> str:
        """What stands above the text: title, headings, columns, a line each."""
        parts = (self.title, self.heading_path, self.table_header)
        return "\n".join(part for part in parts if part)

    @property
    def context(self) -> str:
        """The text with what stands above it."""
        return "\n".join(part for part in (self.above, self.text) if part)


def passages_from(nodes: Sequence[NodeWithScore]) -> list[Passage]:
    """One passage a node, same order. The nodes are ours (corpus/nodes.py), with live versions."""
    return [_passage(number, found) for number, found in enumerate(nodes, start=1)]


def _passage(number: int, found: NodeWithScore) -> Passage:
    node = cast("TextNode", found.node)
    metadata = cast("NodeMetadata", node.metadata)
    return Passage(
        number=number,
        document_id=metadata["document_id"],
        version=metadata["version"],
        filename=metadata["filename"],
        title=metadata["title"],
        heading_path=metadata["heading_path"],
        page=metadata["page"],
        text=node.text,
        start_char=metadata["start_char"],
        table_header=metadata.get("table_header", ""),
        created_at=metadata["created_at"],
    )
