"""What a client has already."""

from __future__ import annotations


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the header names this tag, compared weakly: a proxy that compresses weakens it."""
    named = (if_none_match or "").split(",")
    return any(one.strip().removeprefix("W/") == etag for one in named)
