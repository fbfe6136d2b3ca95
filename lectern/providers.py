"""The LLM that the settings name: where it is, and how its client is opened."""

from __future__ import annotations

from typing import TypeAlias

import httpx
from llama_index.core.llms import LLM

from corpus.errors import Misconfigured
from corpus.settings import EXTRACTIVE, Settings

# Beside the LLM, what its client raises for an endpoint that is away.
Opened: TypeAlias = tuple[LLM, tuple[type[Exception], ...]]


def open_provider(settings: Settings) -> Opened:
    """The LLM that the settings name; nothing is sent yet.

    Raises Misconfigured when they name no address or no model: the client would turn to addresses
    of its own.
    """
    if not settings.llm.startswith(("http://", "https://")):
        raise Misconfigured(
            f"LECTERN_LLM is {settings.llm!r}.",
            hint=f"Set it to {EXTRACTIVE}, or to a base URL such as http://localhost:11434/v1.",
        )
    if not settings.llm_model:
        raise Misconfigured(
            "LECTERN_LLM names an endpoint and LECTERN_LLM_MODEL is empty.",
            hint="Set LECTERN_LLM_MODEL to the model's name at that endpoint.",
        )
    return _open_openai_compatible(settings, settings.llm)


# The client is imported only when used: it takes seconds to load. Its own retries are off: ours
# know how much time is left. It wraps what fails before the reply; while it is streamed, httpx's
# errors come as they are.


def _open_openai_compatible(settings: Settings, base_url: str) -> Opened:
    import openai  # noqa: PLC0415

    from service.llm.counting_openai import CountingOpenAILike  # noqa: PLC0415

    llm = CountingOpenAILike(
        model=settings.llm_model,
        api_base=base_url,
        api_key=_key(settings) or "none",
        is_chat_model=True,
        context_window=settings.llm_context_tokens,
        timeout=settings.llm_timeout_s,
        max_retries=0,
        temperature=0.0,
    )
    return llm, (openai.APIConnectionError, httpx.TransportError)


def _key(settings: Settings) -> str | None:
    return settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
