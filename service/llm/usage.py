"""Token counts of a reply, in one form for all providers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llama_index.core.base.llms.types import ChatResponse


def usage_of(event: ChatResponse) -> dict[str, int]:
    """What an event of a stream reports of the whole reply so far; empty when it reports nothing.

    `prompt_tokens` and `completion_tokens` make up `total_tokens`. Parts of the prompt that are
    priced differently: `cached_tokens` were read from the provider's cache, `cache_write_tokens`
    written to it. Part of the completion: `reasoning_tokens`, which the model thought and did not
    say.
    """
    for report in _reports(event):
        counts = _anthropic(report) if _at(report, "input_tokens") is not None else _openai(report)
        known = {name: count for name, count in counts.items() if _is_count(count)}
        if known:
            return known
    return {}


def is_cut_off(event: ChatResponse) -> bool:
    """Whether the event says that the reply ends at a limit of tokens, in whatever protocol."""
    choices = _at(event.raw, "choices")
    reasons = (
        _at(choices[0], "finish_reason") if isinstance(choices, list) and choices else None,
        _at(event.raw, "delta", "stop_reason"),
        _at(event.raw, "stop_reason"),
        _at(event.raw, "done_reason"),
    )
    return any(reason in {"length", "max_tokens"} for reason in reasons)


def _reports(event: ChatResponse) -> Iterator[Any]:
    """Where the LlamaIndex packages leave what the provider reported, the fullest first."""
    yield _at(event.raw, "usage")
    yield event.message.additional_kwargs.get("usage")  # Anthropic's, before the last event
    yield event.additional_kwargs


def _openai(report: object) -> dict[str, Any]:
    return {
        "prompt_tokens": _at(report, "prompt_tokens"),
        "completion_tokens": _at(report, "completion_tokens"),
        "total_tokens": _at(report, "total_tokens"),
        "cached_tokens": _at(report, "prompt_tokens_details", "cached_tokens"),
        "reasoning_tokens": _at(report, "completion_tokens_details", "reasoning_tokens"),
    }


def _anthropic(report: object) -> dict[str, Any]:
    # `input_tokens` are only those that the cache had no part in.
    read = _at(report, "cache_read_input_tokens")
    written = _at(report, "cache_creation_input_tokens")
    completion = _count(_at(report, "output_tokens"))
    prompt = _count(_at(report, "input_tokens")) + _count(read) + _count(written)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cached_tokens": read,
        "cache_write_tokens": written,
        "reasoning_tokens": _at(report, "output_tokens_details", "thinking_tokens"),
    }


def _at(value: Any, *names: str) -> Any:  # noqa: ANN401 - whatever a provider sent
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    return value


def _count(value: object) -> int:
    return value if isinstance(value, int) and _is_count(value) else 0


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
