"""What the application is made of; the composition root (lectern/) fills it in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor

from corpus.index.port import NodeStore
from corpus.kinds.known import FileKind
from corpus.originals.port import OriginalStore
from corpus.registry.database.engine import Registry
from corpus.settings import Settings
from corpus.tracing import UNTRACED, Tracing
from corpus.values import PagePicture
from service.measures import NOT_MEASURED, ServiceMeasures
from service.readiness import Dependency

log = logging.getLogger("lectern.llm")


class PagePictures(Protocol):
    """Draws pages of originals."""

    def draw(
        self, path: Path, kind: FileKind, number: int, *, text: str, start: int, end: int
    ) -> PagePicture:
        """Page `number`, from 1, of a PDF or picture file, with `text[start:end]` marked.

        `text` is the page's as it was read. Nothing is marked where that is empty, or was read by
        OCR. Takes 0.1 s: call it in a thread. Raises an `UnreadableFile`, or `ParserUnavailable`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """Opened parts, shared by all requests; all of them are thread-safe.

    `embedding` is for questions, one at a time and exactly; `sentence_embedding` is the same model
    for many sentences at once, perhaps less exactly. `llm` is None in extractive mode,
    `reranker` where none is configured. `other_llms` are further models at the LLM's endpoint, by
    name, that collections may choose.
    `wake_worker` is called after a document was queued; `dependencies` are what readiness depends
    on. `measures` is told what happens; `metrics` has the figures, for a thread.
    `tracing` makes spans of the steps.
    """

    settings: Settings
    registry: Registry
    originals: OriginalStore
    store: NodeStore
    embedding: BaseEmbedding
    sentence_embedding: BaseEmbedding
    llm: LLM | None
    reranker: BaseNodePostprocessor | None
    wake_worker: Callable[[], None]
    dependencies: Sequence[Dependency]
    page_pictures: PagePictures
    other_llms: Mapping[str, LLM] = field(default_factory=dict)
    measures: ServiceMeasures = NOT_MEASURED
    tracing: Tracing = UNTRACED
    metrics: Callable[[], bytes] = bytes

    def llm_named(self, model: str | None) -> LLM | None:
        """The model that a collection chose; `llm` for None, or one that is not offered now."""
        chosen = self.llm if model is None else self.other_llms.get(model, self.llm)
        if chosen is not None and model not in {None, chosen.metadata.model_name}:
            log.warning("The model %r is not among LECTERN_LLM_MODELS.", model)
        return chosen
