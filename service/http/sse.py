"""Server-sent events, whatever they say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent

KEEP_ALIVE_S = 15

# A proxy that buffers (nginx by default) would hold events back.
STREAM_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}


def event_stream(events: AsyncIterator[tuple[str, dict[str, Any]]]) -> EventSourceResponse:
    """Send (name, data) pairs as they come."""

    async def encoded() -> AsyncIterator[ServerSentEvent]:
        async for name, data in events:
            yield ServerSentEvent(json.dumps(data, ensure_ascii=False), event=name, sep="\n")

    return kept_alive(encoded())


def kept_alive(events: AsyncIterator[ServerSentEvent | str]) -> EventSourceResponse:
    """Send events, or the data of nameless ones, as they come; between them keep-alive comments."""
    return EventSourceResponse(events, ping=KEEP_ALIVE_S, headers=STREAM_HEADERS, sep="\n")
