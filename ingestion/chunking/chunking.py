"""From a parsed document to the nodes that are embedded, found and cited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from llama_index.core.schema import TextNode

from corpus.embedding.fingerprint import CHUNKER_VERSION
from corpus.embedding.tokens import TokenCounter
from corpus.index.languages import language_of
from corpus.nodes import NodeMetadata, make_node
from ingestion.chunking.outline import Outline, readable_title
from ingestion.chunking.packing import pack
from ingestion.chunking.page_heads import page_heads
from ingestion.chunking.table_markup import TableMarkup
from ingestion.chunking.units import page_units
from ingestion.parsing.parsed import ParsedDocument

__all__ = ["CHUNKER_VERSION", "DocumentContext", "chunk_document"]

SPECIAL_TOKENS = 2  # [CLS] and [SEP]
# Title and headings take at most this share of a chunk: its text must outweigh them.
CONTEXT_SHARE = 1 / 3
# Where a document marks no headings, each page's head stands for them.
PAGE_LEVEL = 1
# More than enough to tell a language by.
LANGUAGE_WORDS = 5_000


@dataclass(frozen=True)
class DocumentContext:
    """What the nodes of a document say about it; `NodeMetadata` explains the fields."""

    collection: str
    document_id: str
    version: int
    filename: str
    media_type: str
    created_at: str


def chunk_document(
    parsed: ParsedDocument, *, context: DocumentContext, tokens: TokenCounter, chunk_tokens: int
) -> list[TextNode]:
    """Return the document's nodes in reading order, without embeddings; empty when it has no text.

    A node's text is exactly `document_text[start_char:end_char]` and on one page, and every
    character that is not white space is in some node. What is embedded of it, title, headings, the
    header of a table and special tokens included, has at most `chunk_tokens` tokens as `tokens`
    counts them.
    The same input gives the same nodes. Linear in the text's length.
    """
    limit_tokens = chunk_tokens - SPECIAL_TOKENS
    outline = Outline(
        readable_title(parsed.title, context.filename), tokens, int(limit_tokens * CONTEXT_SHARE)
    )
    heads = page_heads(parsed.pages)
    language = language_of(" ".join(islice(_words(parsed), LANGUAGE_WORDS)))
    nodes: list[TextNode] = []
    for page in parsed.pages:
        if heads:
            outline.leave(PAGE_LEVEL)
            outline.enter(PAGE_LEVEL, heads.get(page.number, ""))
        units = list(page_units(page, outline, tokens, limit_tokens))
        tables = TableMarkup(page)
        for first, end in pack(units, limit_tokens):
            start_char, end_char = units[first].start_char, units[end - 1].end_char
            text = page.text[start_char:end_char]
            nodes.append(
                make_node(
                    text,
                    NodeMetadata(
                        collection=context.collection,
                        document_id=context.document_id,
                        version=context.version,
                        ordinal=len(nodes),
                        filename=context.filename,
                        media_type=context.media_type,
                        title=outline.title,
                        heading_path=units[first].heading_path,
                        page=page.number,
                        start_char=page.start_char + start_char,
                        end_char=page.start_char + end_char,
                        created_at=context.created_at,
                        language=language,
                        figure_share=figure_share(text),
                        table_header=units[first].table_header,
                        table_html=tables.between(start_char, end_char),
                    ),
                )
            )
    return nodes


def figure_share(text: str) -> float:
    """How many of the characters are digits, in [0, 1], to three places."""
    return round(sum(map(str.isdigit, text)) / max(1, len(text)), 3)


def _words(parsed: ParsedDocument) -> Iterator[str]:
    return (word for page in parsed.pages for word in page.text.split())
