"""A second look by a model that reads question and text together, within its time or not at all."""

from __future__ import annotations

import asyncio
import logging

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

_log = logging.getLogger(__name__)

# Each costs the model's time, and on the development data little is found beyond these.
RERANKED = 30


class Reranked(BaseNodePostprocessor):
    """The best `top_k` nodes: the first `RERANKED` in the order of `reranker`, then the others.

    The reranker is any LlamaIndex postprocessor; it orders, and cannot add a node. When it fails or
    takes longer than `timeout_s` seconds, the nodes keep their order and `is_degraded` is True. For
    one question.
    """

    _reranker: BaseNodePostprocessor = PrivateAttr()
    _top_k: int = PrivateAttr()
    _timeout_s: float = PrivateAttr()
    _is_degraded: bool = PrivateAttr(default=False)

    def __init__(self, reranker: BaseNodePostprocessor, *, top_k: int, timeout_s: float) -> None:
        super().__init__()
        self._reranker = reranker
        self._top_k = top_k
        self._timeout_s = timeout_s

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this step."""
        return "Reranked"

    @property
    def is_degraded(self) -> bool:
        """Whether the reranker gave no order."""
        return self._is_degraded

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return asyncio.run(self._apostprocess_nodes(nodes, query_bundle))

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if not nodes:
            return []
        try:
            async with asyncio.timeout(self._timeout_s):
                reranked = await self._reranker.apostprocess_nodes(nodes[:RERANKED], query_bundle)
        except Exception as error:  # noqa: BLE001 - a reranker is anybody's code, and no answer depends on it
            _log.warning("The reranker gave no order: %s", type(error).__name__)
            self._is_degraded = True
            return nodes[: self._top_k]
        given = {found.node.node_id for found in nodes}
        kept = [found for found in reranked if found.node.node_id in given]
        return [*kept, *nodes[RERANKED:]][: self._top_k]
