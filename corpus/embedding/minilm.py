"""all-MiniLM-L6-v2 on ONNX Runtime, as a LlamaIndex embedding."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime
from llama_index.core.base.embeddings.base import BaseEmbedding
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors
from pydantic import PrivateAttr
from tokenizers import Tokenizer

from corpus.embedding.graph_cache import Precision, build_graph, cached_graph, graph_path
from corpus.embedding.tokens import encodable
from corpus.embedding.weights import model_folder, tokenizer_file, weights_file

DIMENSION = 384
# sentence_bert_config.json of the model; special tokens are counted in it.
LIMIT_TOKENS = 256
# Small batches on a thread each were the fastest here (ADR 9); larger ones pad more.
BATCH_TEXTS = 4
# LlamaIndex cuts its calls to this size.
_CALL_TEXTS = 256
_DAMAGED_GRAPH = (
    onnxruntime_errors.InvalidProtobuf,
    onnxruntime_errors.InvalidArgument,
    onnxruntime_errors.InvalidGraph,
)


class MiniLmEmbedding(BaseEmbedding):
    """Vectors of 384 dimensions and length 1; text beyond 256 tokens is not seen.

    Safe to use from several threads: ONNX Runtime and the tokenizer keep no state of a call.
    """

    _session: onnxruntime.InferenceSession = PrivateAttr()
    _tokenizer: Tokenizer = PrivateAttr()
    _pool: ThreadPoolExecutor | None = PrivateAttr(default=None)
    _threads: int = PrivateAttr(default=1)

    @classmethod
    def open(cls, cache_dir: Path, threads: int, precision: Precision = "float32") -> Self:
        """Load the model on `threads` threads.

        In int8 it is faster, and the vectors are nearly the same (ADR 9 says how nearly).
        Its graph is built in `cache_dir` if it is not there or damaged; raises WeightsMissing when
        the weights are not installed or not the official ones.
        """
        folder = model_folder()
        tokenizer = Tokenizer.from_file(str(tokenizer_file(folder)))
        tokenizer.no_padding()
        tokenizer.enable_truncation(LIMIT_TOKENS)
        embedding = cls(model_name="all-MiniLM-L6-v2", embed_batch_size=_CALL_TEXTS)
        embedding._tokenizer = tokenizer
        embedding._threads = threads
        if threads > 1:
            embedding._pool = ThreadPoolExecutor(threads, thread_name_prefix="embedding")
        graph = cached_graph(cache_dir, folder, precision)
        try:
            embedding._session = _open_session(graph)
        except _DAMAGED_GRAPH:
            # The damaged one may be an image's, which nobody can write to.
            graph = graph_path(cache_dir, precision)
            build_graph(graph, weights_file(folder), precision)
            embedding._session = _open_session(graph)
        return embedding

    @classmethod
    def class_name(cls) -> str:
        """Return the name LlamaIndex shows in its events."""
        return "MiniLmEmbedding"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, 384)` float32, one row of length 1 for each text, in the order given.

        An empty text has a vector too. How texts are batched
        changes a row by less than 1e-5 in float32; in int8 its cosine stays above 0.9999.
        """
        encodings = self._tokenizer.encode_batch_fast([encodable(text) for text in texts])
        rows = [encoding.ids for encoding in encodings]
        # The longest first, so that no thread is left with a long one at the end.
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        # A few texts are shared out too: a mail has no more than two chunks.
        size = max(1, min(BATCH_TEXTS, ceil(len(rows) / self._threads)))
        batches = [order[i : i + size] for i in range(0, len(order), size)]
        inputs = [[rows[i] for i in batch] for batch in batches]
        outputs = self._pool.map(self._run, inputs) if self._pool else map(self._run, inputs)
        vectors = np.empty((len(rows), DIMENSION), np.float32)
        for batch, output in zip(batches, outputs, strict=True):
            vectors[batch] = output
        return vectors

    def _run(self, rows: list[list[int]]) -> NDArray[np.float32]:
        longest = max(map(len, rows))
        input_ids = np.zeros((len(rows), longest), np.int32)
        attention_mask = np.zeros_like(input_ids)
        for i, row in enumerate(rows):
            input_ids[i, : len(row)] = row
            attention_mask[i, : len(row)] = 1
        (vectors,) = self._session.run(
            ["embeddings"], {"input_ids": input_ids, "attention_mask": attention_mask}
        )
        return np.asarray(vectors, np.float32)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embeddings([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self.embed(texts).tolist()
        return rows

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)


def _open_session(graph: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # Plans for one shape are useless when every batch has another length.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
