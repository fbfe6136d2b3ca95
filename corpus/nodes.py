"""The one shape of a node: a LlamaIndex `TextNode` and the metadata every part may rely on.

What is embedded and BM25-encoded is `node.get_content(MetadataMode.EMBED)`: the title, the heading
path and a table's header in front of the text, because a chunk of a filing that does not name its
company is not found by a question that does, and a row says little without its columns' names. What
is quoted and offset is `node.text` alone.
"""

from __future__ import annotations

import hashlib
from typing import NotRequired, TypedDict
from uuid import UUID, uuid5

from llama_index.core.schema import (
    MetadataMode,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)

NODE_NAMESPACE = UUID("6c656374-6572-4e00-8000-6e6f64650001")

# Shown to the embedding and to BM25; everything else is for filters and citations only.
CONTEXT_KEYS = ("title", "heading_path", "table_header")

# Most nodes have no table, and every node's metadata is stored twice.
_ONLY_IF_FILLED = ("table_header", "table_html")

# The key under which a node says what was embedded of it: two nodes that agree in it have the same
# vector, if one model made both.
EMBED_SHA = "embed_sha"
_SHA_DIGITS = 32


class NodeMetadata(TypedDict):
    """Metadata of every node.

    `version` counts from 1, `ordinal` from 0 within the version, `page` from 1. `start_char` and
    `end_char` delimit `node.text` in the document's text (end exclusive). `heading_path` is the
    headings above the chunk joined by " > " (where the kind marks none, the first lines of the
    page), empty when there are none. `created_at` is the document's, RFC 3339 in UTC. `language`
    is the one that BM25 takes the document to be in (ISO 639-1). `figure_share` in [0, 1] is how
    many of the text's characters are digits: high in tables.

    Where the chunk has rows of tables: `table_html` is their markup with their headers, made of
    `<table>`, `<thead>`, `<tbody>`, `<tr>`, `<th>` and `<td>` alone. Where it begins below a
    table's header, `table_header` is that: a line of cells parted by " | ", or several.
    """

    collection: str
    document_id: str
    version: int
    ordinal: int
    filename: str
    media_type: str
    title: str
    heading_path: str
    page: int
    start_char: int
    end_char: int
    created_at: str
    language: str
    figure_share: float
    table_header: NotRequired[str]
    table_html: NotRequired[str]


def node_id(document_id: str, version: int, ordinal: int) -> str:
    """UUIDv5 of (document, version, ordinal): writing a node twice writes it once."""
    return str(uuid5(NODE_NAMESPACE, f"{document_id}/{version}/{ordinal}"))


def make_node(text: str, metadata: NodeMetadata) -> TextNode:
    """A node without its embedding, related to its document as LlamaIndex expects (`SOURCE`).

    Its metadata also has `EMBED_SHA`: 32 hex digits of the sha256 of what is embedded.
    """
    document_id = metadata["document_id"]
    shown = {key: value for key, value in metadata.items() if value or key not in _ONLY_IF_FILLED}
    hidden = [*(key for key in shown if key not in CONTEXT_KEYS), EMBED_SHA]
    if not metadata["heading_path"]:
        hidden.append("heading_path")
    node = TextNode(
        id_=node_id(document_id, metadata["version"], metadata["ordinal"]),
        text=text,
        metadata=shown,
        start_char_idx=metadata["start_char"],
        end_char_idx=metadata["end_char"],
        excluded_embed_metadata_keys=hidden,
        excluded_llm_metadata_keys=hidden,
        metadata_template="{value}",
        text_template="{metadata_str}\n\n{content}",
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document_id)},
    )
    embedded = node.get_content(MetadataMode.EMBED).encode(errors="surrogatepass")
    node.metadata[EMBED_SHA] = hashlib.sha256(embedded).hexdigest()[:_SHA_DIGITS]
    return node
