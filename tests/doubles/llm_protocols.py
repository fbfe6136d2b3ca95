"""How a scripted reply looks on the wire, in the protocol of each provider."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

MODEL = "scripted"


@dataclass(frozen=True)
class Said:
    """What a reply says: thoughts, then pieces, then raw events, and the counts at its end.

    `usage` is in the provider's own terms.
    """

    thoughts: Sequence[str]
    pieces: Sequence[str]
    events: Sequence[str]
    usage: Mapping[str, Any]


class Wire(Protocol):
    """One provider's protocol."""

    content_type: str

    def chunks(self, said: Said, request: Mapping[str, Any]) -> Iterator[bytes]:
        """The streamed reply, an event each, without what ends it."""

    def ending(self, said: Said, request: Mapping[str, Any]) -> Iterator[bytes]:
        """What ends a streamed reply."""

    def whole(self, said: Said) -> dict[str, Any]:
        """The reply in one piece."""


class OpenAiWire:
    """`POST /v1/chat/completions`: server-sent events; tokens are counted for those who ask."""

    content_type = "text/event-stream"
    _COMMON: Final = {
        "id": "scripted-1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": MODEL,
    }

    def chunks(self, said: Said, request: Mapping[str, Any]) -> Iterator[bytes]:
        for thought in said.thoughts:
            yield self._delta({"role": "assistant", "content": "", "reasoning_content": thought})
        for piece in said.pieces:
            yield self._delta({"role": "assistant", "content": piece})
        for event in said.events:
            yield _sse(event)

    def ending(self, said: Said, request: Mapping[str, Any]) -> Iterator[bytes]:
        yield self._delta({}, finish_reason="stop")
        if (request.get("stream_options") or {}).get("include_usage"):
            usage = dict(said.usage) or None
            yield _sse(json.dumps({**self._COMMON, "choices": [], "usage": usage}))
        yield _sse("[DONE]")

    def whole(self, said: Said) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(said.pieces)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        kind = {**self._COMMON, "object": "chat.completion"}
        return {**kind, "choices": [choice], "usage": dict(said.usage) or None}

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _sse(json.dumps({**self._COMMON, "choices": [choice]}))


class AnthropicWire:
    """`POST /v1/messages`: server-sent events with names; counts at the start and at the end."""

    content_type = "text/event-stream"
    _MESSAGE: Final = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL}

    def chunks(self, said: Said, request: Mapping[str, Any]) -> Iterator[bytes]:
        usage = {"input_tokens": 1, **said.usage, "output_tokens": 1}
        begun: dict[str, Any] = {"content": [], "stop_reason": None, "usage": usage}
        yield self._event("message_start", message={**self._MESSAGE, **begun})
        yield self._event("ping")
        if said.thoughts:
            block = {"type": "thinking", "thinking": "", "signature": ""}
            thoughts = [{"type": "thinking_delta", "thinking": one} for one in said.thoughts]
            yield from self._block(
                0, block, [*thoughts, {"type": "signature_delta", "signature": "s"}]
            )
        pieces = [{"type": "text_delta", "text": one} for one in said.pieces]
        yield from self._block(1, {"type": "text", "text": ""}, pieces)
        for event in said.events:
            name = b"error" if '"type": "error"' in event else b"message_delta"
            yield b"event: " + name + b"\n" + _sse(event)

    def ending(self, said: Said, request: Mapping[str, Any]) -> Iterator[bytes]:
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        yield self._event("message_delta", delta=delta, usage={"output_tokens": 1, **said.usage})
        yield self._event("message_stop")

    def whole(self, said: Said) -> dict[str, Any]:
        usage = {"input_tokens": 1, "output_tokens": 1, **said.usage}
        content = [{"type": "text", "text": "".join(said.pieces)}]
        return {**self._MESSAGE, "content": content, "stop_reason": "end_turn", "usage": usage}

    def _block(
        self, index: int, block: dict[str, Any], deltas: Sequence[dict[str, Any]]
    ) -> Iterator[bytes]:
        yield self._event("content_block_start", index=index, content_block=block)
        for delta in deltas:
            yield self._event("content_block_delta", index=index, delta=delta)
        yield self._event("content_block_stop", index=index)

    def _event(self, name: str, **body: object) -> bytes:
        return f"event: {name}\n".encode() + _sse(json.dumps({"type": name, **body}))


class OllamaWire:
    """`POST /api/chat`: a JSON object a line; the last one counts."""

    content_type = "application/x-ndjson"

    def chunks(self, said: Said, request: Mapping[str, Any]) -> Iterator[bytes]:
        for thought in said.thoughts:
            yield self._line({"role": "assistant", "content": "", "thinking": thought})
        for piece in said.pieces:
            yield self._line({"role": "assistant", "content": piece})
        for event in said.events:
            yield event.encode() + b"\n"

    def ending(self, said: Said, request: Mapping[str, Any]) -> Iterator[bytes]:
        last = {"role": "assistant", "content": ""}
        yield self._line(last, done=True, done_reason="stop", **said.usage)

    def whole(self, said: Said) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(said.pieces)}
        return {"model": MODEL, "message": message, "done": True, **said.usage}

    def _line(self, message: dict[str, Any], *, done: bool = False, **more: object) -> bytes:
        line = {"model": MODEL, "message": message, "done": done, **more}
        return json.dumps(line).encode() + b"\n"


WIRES: Mapping[str, Wire] = {
    "/v1/chat/completions": OpenAiWire(),
    "/v1/messages": AnthropicWire(),
    "/api/chat": OllamaWire(),
}


def _sse(data: str) -> bytes:
    return b"data: " + data.encode() + b"\n\n"
