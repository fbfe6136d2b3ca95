"""A cross-encoder from a folder, on the CPU, run by FastEmbed (the extra `rerank`)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from corpus.errors import Misconfigured
from corpus.extras import how_to_install

# As the model hubs lay them out.
_MODEL_FILES = ("model.onnx", "onnx/model.onnx")
_BATCH = 8  # texts of about one length: more only waste work on padding


class CrossEncoderReranker(BaseNodePostprocessor):
    """All nodes ordered by the model's score for (question, title and text), higher is better.

    One question at a time; the others wait in line, and leave it when they are cancelled.
    """

    _encoder: Any = PrivateAttr()
    _executor: ThreadPoolExecutor = PrivateAttr()

    def __init__(self, encoder: Any) -> None:  # noqa: ANN401 - FastEmbed is not always installed
        super().__init__()
        self._encoder = encoder
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="reranker")

    @classmethod
    def open(cls, folder: Path, threads: int) -> CrossEncoderReranker:
        """Load the model (`model.onnx` and its tokenizer's files) to run on `threads` threads.

        Errors: Misconfigured, when FastEmbed or the model is not there.
        """
        model_file = next((name for name in _MODEL_FILES if (folder / name).is_file()), None)
        if model_file is None:
            raise Misconfigured(
                f"LECTERN_RERANKER names {folder}, and there is no model.onnx in it.",
                hint="Name a folder with an ONNX cross-encoder, or the base URL of an endpoint.",
            )
        try:
            from fastembed.common.model_description import ModelSource  # noqa: PLC0415
            from fastembed.rerank.cross_encoder import TextCrossEncoder  # noqa: PLC0415
        except ImportError as error:
            raise Misconfigured(
                "LECTERN_RERANKER names a folder, and FastEmbed is not installed.",
                hint=how_to_install("rerank"),
            ) from error
        name = str(folder)
        known = {model["model"] for model in TextCrossEncoder.list_supported_models()}
        if name not in known:
            TextCrossEncoder.add_custom_model(
                name, sources=ModelSource(url="local"), model_file=model_file
            )
        try:
            return cls(TextCrossEncoder(name, threads=threads, specific_model_path=name))
        except Exception as error:  # FastEmbed and ONNX Runtime raise what they like
            raise Misconfigured(
                f"The cross-encoder in {folder} cannot be loaded: {error}",
                hint="It takes model.onnx, config.json, tokenizer.json, tokenizer_config.json and "
                "special_tokens_map.json.",
            ) from error

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this step."""
        return "CrossEncoderReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        question = query_bundle.query_str if query_bundle else ""
        texts = [found.node.get_content(MetadataMode.EMBED) for found in nodes]
        scores = self._encoder.rerank(question, texts, batch_size=_BATCH)
        reranked = [
            NodeWithScore(node=found.node, score=float(score))
            for found, score in zip(nodes, scores, strict=True)
        ]
        return sorted(reranked, key=lambda found: -found.get_score())

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, self._postprocess_nodes, nodes, query_bundle
        )
