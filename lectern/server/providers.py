"""The LLMs that can be named in the settings: where each is, and how its client is opened."""

from __future__ import annotations

from typing import TypeAlias

import httpx
from llama_index.core.llms import LLM

from corpus.errors import Misconfigured
from corpus.extras import how_to_install
from corpus.settings import EXTRACTIVE, Settings

# Beside the LLM, what its client raises for an endpoint that is away.
Opened: TypeAlias = tuple[LLM, tuple[type[Exception], ...]]

# Anthropic bounds every reply, thoughts included; an answer takes far less
# (service/answering/writing/prompts.py).
MAX_REPLY_TOKENS = 16_384

_USUAL_ADDRESSES = {
    "anthropic": "https://api.anthropic.com",
    "ollama": "http://localhost:11434",
}


def address_of_llm(settings: Settings) -> str:
    """The base URL at which the LLM that the settings name is asked.

    Raises Misconfigured when they name none, or two: the clients would turn to addresses of their
    own.
    """
    usual = _USUAL_ADDRESSES.get(settings.llm)
    address = (settings.llm_base_url or usual) if usual else settings.llm
    if not address.startswith(("http://", "https://")):
        raise Misconfigured(
            f"LECTERN_LLM{'_BASE_URL' if usual else ''} is {address!r}.",
            hint=f"Set LECTERN_LLM to {EXTRACTIVE}, to a base URL such as "
            f"http://localhost:8001/v1, or to one of: {', '.join(_USUAL_ADDRESSES)}; "
            "LECTERN_LLM_BASE_URL is a URL too.",
        )
    if settings.llm_base_url and not usual:
        raise Misconfigured(
            "LECTERN_LLM and LECTERN_LLM_BASE_URL both name an address.",
            hint="Leave LECTERN_LLM_BASE_URL empty, or name a provider in LECTERN_LLM.",
        )
    return address


def open_provider(settings: Settings) -> Opened:
    """The LLM that the settings name; nothing is sent yet. Raises Misconfigured."""
    base_url = address_of_llm(settings)
    if not settings.llm_model:
        raise Misconfigured(
            "LECTERN_LLM names an LLM and LECTERN_LLM_MODEL is empty.",
            hint="Set LECTERN_LLM_MODEL to the model's name there.",
        )
    match settings.llm:
        case "anthropic":
            return _open_anthropic(settings, base_url)
        case "ollama":
            return _open_ollama(settings, base_url)
        case _:
            return _open_openai_compatible(settings, base_url)


# The clients are imported only when used: each takes seconds to load, some are not installed.
# Their own retries are off: ours know how much time is left. They wrap what fails before the reply;
# while it is streamed, httpx's errors come as they are.


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


def _open_anthropic(settings: Settings, base_url: str) -> Opened:
    key = _key(settings)
    if not key:
        raise Misconfigured(
            "LECTERN_LLM is anthropic and LECTERN_LLM_API_KEY is empty.",
            hint="Set LECTERN_LLM_API_KEY.",
        )
    try:
        import anthropic  # noqa: PLC0415

        from service.llm.anthropic_in_context import AnthropicInContext  # noqa: PLC0415
    except ImportError as error:
        raise _not_installed("anthropic") from error

    llm = AnthropicInContext(
        settings.llm_model,
        base_url=base_url,
        api_key=key,
        context_tokens=settings.llm_context_tokens,
        reply_tokens=MAX_REPLY_TOKENS,
        timeout_s=settings.llm_timeout_s,
    )
    return llm, (anthropic.APIConnectionError, httpx.TransportError)


def _open_ollama(settings: Settings, base_url: str) -> Opened:
    try:
        from llama_index.llms.ollama import Ollama  # noqa: PLC0415
    except ImportError as error:
        raise _not_installed("ollama") from error

    key = _key(settings)
    llm = Ollama(
        model=settings.llm_model,
        base_url=base_url,
        headers={"Authorization": f"Bearer {key}"} if key else None,
        context_window=settings.llm_context_tokens,  # without it the server would be asked
        request_timeout=settings.llm_timeout_s,
        temperature=0.0,
    )
    return llm, (ConnectionError, httpx.TransportError)


def _key(settings: Settings) -> str | None:
    return settings.llm_api_key.get_secret_value() if settings.llm_api_key else None


def _not_installed(extra: str) -> Misconfigured:
    return Misconfigured(
        f"LECTERN_LLM is {extra}, and its client is not installed.",
        hint=how_to_install(extra),
    )
