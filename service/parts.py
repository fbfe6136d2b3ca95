"""What the application is made of; the composition root (lectern/) fills it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor

from corpus.blobs import BlobStore
from corpus.index.port import NodeStore
from corpus.registry.engine import Registry
from corpus.settings import Settings


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """Opened parts, shared by all requests; all of them are thread-safe.

    `embedding` is for questions, one at a time and exactly; `sentence_embedding` is the same model
    for many sentences at once, perhaps less exactly. `llm` is None in extractive mode,
    `reranker` where none is configured.
    `wake_worker` is called after a document was queued; `worker_is_alive` says whether anyone would
    work on it.
    """

    settings: Settings
    registry: Registry
    blobs: BlobStore
    store: NodeStore
    embedding: BaseEmbedding
    sentence_embedding: BaseEmbedding
    llm: LLM | None
    reranker: BaseNodePostprocessor | None
    wake_worker: Callable[[], None]
    worker_is_alive: Callable[[], bool]
