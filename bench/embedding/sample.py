"""Taking some of many."""

from __future__ import annotations

from collections.abc import Sequence


def evenly(texts: Sequence[str], most: int) -> list[str]:
    """At most so many of the texts, spread evenly over all, in order."""
    count = min(most, len(texts))
    return [texts[i * len(texts) // count] for i in range(count)]
