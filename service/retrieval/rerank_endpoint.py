"""A reranker behind HTTP: `POST {base}/rerank`, as Cohere, Jina, vLLM and llama.cpp speak it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import BaseModel


class _Result(BaseModel):
    index: int
    relevance_score: float


class _Reply(BaseModel):
    results: list[_Result]


class RerankEndpoint(BaseNodePostprocessor):
    """All nodes ordered by the endpoint's score for (question, title and text), higher is better.

    `timeout_s` bounds each step of the call, in seconds. Errors: httpx's, and ValueError when the
    reply does not give every text one score.
    """

    _http: httpx.AsyncClient = PrivateAttr()
    _model: str = PrivateAttr()

    def __init__(self, base_url: str, model: str, api_key: str | None, timeout_s: float) -> None:
        super().__init__()
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=timeout_s)
        self._model = model

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this step."""
        return "RerankEndpoint"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return asyncio.run(self._apostprocess_nodes(nodes, query_bundle))

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        body: dict[str, Any] = {
            "model": self._model,
            "query": query_bundle.query_str if query_bundle else "",
            "documents": [found.node.get_content(MetadataMode.EMBED) for found in nodes],
            "top_n": len(nodes),
        }
        response = await self._http.post("rerank", json=body)
        response.raise_for_status()
        results = _Reply.model_validate_json(response.content).results
        if sorted(result.index for result in results) != list(range(len(nodes))):
            raise ValueError("the endpoint's reply does not give every text one score")
        results.sort(key=lambda result: -result.relevance_score)
        return [
            NodeWithScore(node=nodes[result.index].node, score=result.relevance_score)
            for result in results
        ]
