"""What retrieval found, step by step, for whoever asks afterwards why an answer is what it is."""

from __future__ import annotations

from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

# What stood further behind had no part in the answer.
MAX_NOTED = 50


class Noted(BaseNodePostprocessor):
    """Passes nodes on as they are, and notes them: `{"stage", "count", "candidates"}` in `stages`.

    A candidate is `{"node_id", "document_id", "filename", "page", "score"}`, best first, the first
    `MAX_NOTED` of them.
    """

    _name: str = PrivateAttr()
    _stages: list[dict[str, Any]] = PrivateAttr()

    def __init__(self, name: str, stages: list[dict[str, Any]]) -> None:
        super().__init__()
        self._name = name
        self._stages = stages

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this step."""
        return "Noted"

    def _postprocess_nodes(
        self,
        nodes: list[NodeWithScore],
        query_bundle: QueryBundle | None = None,  # noqa: ARG002 - LlamaIndex passes it by name
    ) -> list[NodeWithScore]:
        self._stages.append(
            {
                "stage": self._name,
                "count": len(nodes),
                "candidates": [_candidate(found) for found in nodes[:MAX_NOTED]],
            }
        )
        return nodes

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return self._postprocess_nodes(nodes, query_bundle)


def _candidate(found: NodeWithScore) -> dict[str, Any]:
    metadata = found.node.metadata
    return {
        "node_id": found.node.node_id,
        **{key: metadata.get(key) for key in ("document_id", "filename", "page")},
        "score": round(found.score or 0.0, 4),
    }
