"""A small corpus of made-up company reports, as nodes and passages."""

from __future__ import annotations

from llama_index.core.schema import NodeWithScore, TextNode

from corpus.nodes import NodeMetadata, make_node
from service.answering.passages import Passage, passages_from
from tests.doubles.brute_force_store import BruteForceStore
from tests.doubles.word_embedding import WordEmbedding

REVENUE = (
    "Results\n\nRevenue of Acme was 1,250 million dollars\nin 2023. It grew by 12 percent. "
    "Margins fell because steel became more expensive."
)
STAFF = "Acme employs 4,200 people in nine countries. The headquarters are in Oslo."
PATENTS = "Globex holds 77 patents on turbines. Its laboratory in Kyoto opened in 1998."


def node_of(
    text: str,
    *,
    document_id: str = "acme",
    version: int = 1,
    ordinal: int = 0,
    page: int = 1,
    start_char: int = 0,
    collection: str = "default",
) -> TextNode:
    """A node as the ingestion makes it."""
    metadata = NodeMetadata(
        collection=collection,
        document_id=document_id,
        version=version,
        ordinal=ordinal,
        filename=f"{document_id}.pdf",
        media_type="application/pdf",
        title=document_id.title(),
        heading_path="",
        page=page,
        start_char=start_char,
        end_char=start_char + len(text),
        created_at="2024-01-01T00:00:00Z",
        language="en",
        figure_share=0.0,
    )
    return make_node(text, metadata)


def small_corpus() -> list[TextNode]:
    """Two documents: acme (pages 1 and 2) and globex (page 5, starting at character 900)."""
    return [
        node_of(REVENUE),
        node_of(STAFF, ordinal=1, page=2, start_char=len(REVENUE) + 1),
        node_of(PATENTS, document_id="globex", page=5, start_char=900),
    ]


def filled_store(nodes: list[TextNode]) -> BruteForceStore:
    """A store holding the nodes with their embeddings."""
    embedding = WordEmbedding()
    for node in nodes:
        node.embedding = embedding.get_text_embedding(node.get_content())
    store = BruteForceStore()
    store.add(nodes)
    return store


def passages_of(*texts: str) -> list[Passage]:
    """Passages numbered from 1, of one document each, starting at character 100."""
    return passages_from(
        [
            NodeWithScore(node=node_of(text, document_id=f"d{number}", start_char=100), score=0.5)
            for number, text in enumerate(texts, start=1)
        ]
    )
