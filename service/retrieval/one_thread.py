"""Steps of a retrieval in one thread: each hop to another one costs as much as a step."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle


class InOneThread(BaseNodePostprocessor):
    """The `steps`, one after the other; on the async path in one worker thread."""

    _steps: Sequence[BaseNodePostprocessor] = PrivateAttr()

    def __init__(self, steps: Sequence[BaseNodePostprocessor]) -> None:
        super().__init__()
        self._steps = steps

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this step."""
        return "InOneThread"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        for step in self._steps:
            nodes = step.postprocess_nodes(nodes, query_bundle)
        return nodes
