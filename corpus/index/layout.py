"""How a node lies in Qdrant, the same in Edge and on a server.

Names and payload are those of LlamaIndex's `QdrantVectorStore` with `enable_hybrid=True`, so that
stock LlamaIndex opens our collections.
"""

from __future__ import annotations

from typing import Any, Literal

from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict
from pydantic_core import from_json

DENSE_VECTOR = "text-dense"
SPARSE_VECTOR = "text-sparse-new"

# A facet wants a bound; so many documents have their counts listed at once.
MAX_DOCUMENTS = 1_000_000

FieldKind = Literal["keyword", "integer", "datetime"]

# All that filters may ask for: a server in strict mode refuses others. The collection is the
# tenant: Qdrant keeps its points together.
TENANT_FIELD = "collection"
DOCUMENT_FIELD = "document_id"
PAYLOAD_INDEXES: dict[str, FieldKind] = {
    TENANT_FIELD: "keyword",
    DOCUMENT_FIELD: "keyword",
    "version": "integer",
    "ordinal": "integer",
    "page": "integer",
    "filename": "keyword",
    "media_type": "keyword",
    "created_at": "datetime",
}


def node_in(payload: dict[str, Any]) -> BaseNode:
    """The node of such a payload, without its embedding."""
    if payload.get("_node_type") != TextNode.class_name():
        return metadata_dict_to_node(payload)
    # As LlamaIndex does it, in half the time.
    fields = from_json(payload["_node_content"])
    fields.pop("class_name")
    return TextNode(**fields)


def payload_of(node: BaseNode) -> dict[str, Any]:
    """The node's metadata at the top level, and the whole node as JSON in `_node_content`."""
    return node_to_metadata_dict(node, remove_text=False, flat_metadata=False)
