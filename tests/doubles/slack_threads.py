"""What `conversations.replies` tells of a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def replies(
    heard: Sequence[dict[str, Any]], ours: Sequence[dict[str, Any]], given: dict[str, Any]
) -> dict[str, Any]:
    """A thread from its beginning, of what people wrote and of the bot's; as much as is asked for.

    The first message is told of whatever the bounds are.
    """
    there = sorted(
        (
            one
            for one in (*heard, *ours)
            if one["channel"] == given["channel"] and one.get("thread_ts", one["ts"]) == given["ts"]
        ),
        key=lambda one: float(one["ts"]),
    )
    if not there:
        return {"ok": False, "error": "thread_not_found"}
    before = [one for one in there[1:] if float(one["ts"]) < float(given.get("latest", "inf"))]
    told, limit = [there[0], *before], int(given["limit"])
    return {"ok": True, "messages": told[:limit], "has_more": len(told) > limit}
