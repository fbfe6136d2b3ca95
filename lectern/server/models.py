"""The models that answer: the LLM within its limits, its neighbours, and the reranker."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor

from corpus.settings import EXTRACTIVE, Settings
from corpus.tracing import UNTRACED, Tracing
from lectern.server.providers import open_provider
from service.measures import NOT_MEASURED, ServiceMeasures

if TYPE_CHECKING:
    from service.llm.guarded import GuardedLlm


def open_llms(
    settings: Settings,
    measures: ServiceMeasures = NOT_MEASURED,
    tracing: Tracing = UNTRACED,
) -> tuple[GuardedLlm | None, Mapping[str, LLM]]:
    """The LLM that the settings name, and by name the others there, within common limits.

    None and no others for extractive answers. Raises Misconfigured when the settings name none that
    can be asked.
    """
    if settings.llm == EXTRACTIVE:
        return None, {}
    # Imported only when used: LlamaIndex's LLMs take as long to load as the rest of the service.
    from service.llm.guarded import GuardedLlm, Limits  # noqa: PLC0415

    llm, away = open_provider(settings)
    limits = Limits(
        # Short of the whole, or a silent endpoint would look like a client that left.
        first_token_s=min(settings.llm_first_token_s, 0.9 * settings.llm_timeout_s),
        max_tries=1 + settings.llm_retries,
        concurrency=settings.llm_concurrency,
    )
    guarded = GuardedLlm(llm, limits, away=away, measures=measures, tracing=tracing)
    named = {name.strip() for name in settings.llm_models.split(",")} - {"", settings.llm_model}
    others = {
        name: guarded.beside(open_provider(settings.model_copy(update={"llm_model": name}))[0])
        for name in sorted(named)
    }
    return guarded, others


def open_reranker(settings: Settings) -> BaseNodePostprocessor | None:
    """The reranker that the settings name, if any. Raises Misconfigured."""
    if not settings.reranker:
        return None
    # Imported only when used: FastEmbed and the HTTP client take time to load.
    if not settings.reranker.startswith(("http://", "https://")):
        from service.retrieval.cross_encoder import CrossEncoderReranker  # noqa: PLC0415

        return CrossEncoderReranker.open(Path(settings.reranker), os.cpu_count() or 1)
    from service.retrieval.rerank_endpoint import RerankEndpoint  # noqa: PLC0415

    key = settings.reranker_api_key
    return RerankEndpoint(
        settings.reranker,
        settings.reranker_model,
        key.get_secret_value() if key else None,
        settings.reranker_timeout_s,
    )
