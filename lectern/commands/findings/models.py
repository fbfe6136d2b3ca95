"""The models: embedding and LLM."""

from __future__ import annotations

import httpx

from corpus.embedding.graph_cache import is_prebuilt
from corpus.embedding.weights import model_folder, weights_file
from corpus.errors import LecternError
from corpus.settings import BUILT_IN_EMBEDDING, EXTRACTIVE, Settings
from lectern.commands.findings.finding import Finding, broken_by
from lectern.server.providers import address_of_llm, open_provider

PROBE_TIMEOUT_S = 3.0


def embedding(settings: Settings) -> Finding:
    """Whether the weights are there, or the endpoint answers."""
    if settings.embedding != BUILT_IN_EMBEDDING:
        return _endpoint("embedding", settings.embedding, settings.embedding_model)
    try:
        if not is_prebuilt():
            weights_file(model_folder())
    except LecternError as error:
        return broken_by("embedding", error)
    return Finding("ok", "embedding", f"{BUILT_IN_EMBEDDING}, on this machine")


def llm(settings: Settings) -> Finding:
    """What answers, and whether it does."""
    if settings.llm == EXTRACTIVE:
        return Finding("ok", "answers", "extractive: sentences of the documents, no LLM")
    try:
        base_url = address_of_llm(settings)
        open_provider(settings)
    except LecternError as error:
        return broken_by("answers", error)
    return _endpoint("answers", base_url, settings.llm_model)


def _endpoint(name: str, base_url: str, model: str) -> Finding:
    try:
        httpx.get(f"{base_url.rstrip('/')}/models", timeout=PROBE_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding("broken", name, f"{base_url} does not answer: {error}")
    return Finding("ok", name, f"{model or '(no model named)'} at {base_url}")
