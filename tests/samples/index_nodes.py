"""Small nodes with hand-made embeddings of four dimensions."""

from collections.abc import Sequence

from llama_index.core.schema import TextNode

from corpus.nodes import NodeMetadata, make_node

DIMENSION = 4


def a_node(  # every field has a default, so that a test names only what it is about
    text: str = "Revenue grew.",
    embedding: Sequence[float] = (1.0, 0.0, 0.0, 0.0),
    *,
    collection: str = "filings",
    document_id: str = "11111111-1111-4111-8111-111111111111",
    version: int = 1,
    ordinal: int = 0,
    page: int = 1,
    filename: str = "report.pdf",
    created_at: str = "2024-01-01T00:00:00Z",
    **extra: object,
) -> TextNode:
    metadata: NodeMetadata = {
        "collection": collection,
        "document_id": document_id,
        "version": version,
        "ordinal": ordinal,
        "filename": filename,
        "media_type": "application/pdf",
        "title": "",
        "heading_path": "",
        "page": page,
        "start_char": 0,
        "end_char": len(text),
        "created_at": created_at,
        "language": "en",
        "figure_share": 0.0,
    }
    node = make_node(text, metadata)
    node.metadata.update(extra)
    node.embedding = list(embedding)
    return node
