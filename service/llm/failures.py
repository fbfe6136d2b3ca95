"""What a client library raised, as what matters of it: did the endpoint answer, and what of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Timed out, in conflict with itself, too early, too many: the same request may do better later.
# 200 is an error that a stream reported after it had begun ("overloaded").
_PASSING = frozenset({200, 408, 409, 425, 429})
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed before the first token.

    `kind` names it in logs: never the vendor's message, which may hold the key or the prompt.
    `is_passing`: the endpoint is away or overloaded, and the same request may succeed later.
    Otherwise it did answer, and would answer the same again. `retry_after_s` is what it asked for.
    """

    kind: str
    is_passing: bool
    retry_after_s: float | None = None


def failure_of(error: Exception, away: tuple[type[Exception], ...], now: datetime) -> Failure:
    """Classify what a client library raised; `away` are its errors for "nobody answers".

    Status and headers are looked for where the libraries of OpenAI, Anthropic and Ollama have them.
    """
    status = _status(error)
    kind = type(error).__name__ if status is None else f"{type(error).__name__} {status}"
    is_passing = isinstance(error, away) or (
        status is not None and (status in _PASSING or status >= 500)
    )
    return Failure(kind, is_passing, retry_after_s(_header(error), now))


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """The seconds that `Retry-After` asks for, in its two forms (RFC 9110, 10.2.3), at least 0.

    None without it, and for anything else.
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if then.tzinfo is None:  # "-0000": UTC, from a sender that does not say where it is
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and status >= 100 else None  # Ollama's is -1 for none


def _header(error: Exception) -> str | None:
    # Ollama's client keeps no response, but its error was raised while httpx's, which has one, was
    # handled.
    for one in (error, error.__context__):
        headers = getattr(getattr(one, "response", None), "headers", None)
        if headers is not None and (value := headers.get("retry-after")) is not None:
            return str(value)
    return None
