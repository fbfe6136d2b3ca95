"""The query engine: retrieve, let the registry strike what is not live, answer with citations."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine

from service.answering.synthesizer import GroundedSynthesizer


def build_query_engine(
    retriever: BaseRetriever,
    postprocessors: Sequence[BaseNodePostprocessor],
    synthesizer: GroundedSynthesizer,
) -> RetrieverQueryEngine:
    """A stock LlamaIndex engine; `await engine.aquery(QueryBundle(...))` is a `CitedResponse`."""
    return RetrieverQueryEngine(
        retriever=retriever,
        response_synthesizer=synthesizer,
        node_postprocessors=[*postprocessors],
        callback_manager=synthesizer.callback_manager,
    )
