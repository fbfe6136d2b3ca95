"""A process of its own that speaks the OpenAI chat protocol and answers at once.

    python -m bench.chat.llm_at_once

Prints its port. Each stream is twenty words and a marker, in one event each. `GET /arrivals` gives,
as JSON, when each request had arrived (`time.monotonic()`, one clock for all processes of a
machine), by the number that its last message has as `#123#`.
"""

from __future__ import annotations

import asyncio
import json
import re
import time

WORDS = ("The", *(f" word{number}" for number in range(18)), " is said [1].")
_NUMBER = re.compile(r"#(\d+)#")
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nConnection: keep-alive\r\n"


def _events() -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "at-once"}
    deltas: list[dict[str, object]] = [{"role": "assistant", "content": word} for word in WORDS]
    lines = [
        json.dumps({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        for delta in deltas
    ]
    lines.append(
        json.dumps({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    )
    return b"".join(f"data: {line}\n\n".encode() for line in [*lines, "[DONE]"])


class _Llm:
    def __init__(self) -> None:
        self._stream = _events()
        self._arrivals: dict[int, float] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open between requests."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                arrived_s = time.monotonic()
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length.group(1)) if length else 0)
                if head.startswith(b"GET"):
                    self._send(writer, "application/json", json.dumps(self._arrivals).encode())
                else:
                    numbers = _NUMBER.findall(body.decode())
                    if numbers:
                        self._arrivals[int(numbers[-1])] = arrived_s
                    self._send(writer, "text/event-stream", self._stream)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _send(self, writer: asyncio.StreamWriter, kind: str, body: bytes) -> None:
        head = f"{_HEAD.format(kind)}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)


async def main() -> None:
    """Listen on a free port of this machine, until the process is ended."""
    server = await asyncio.start_server(_Llm().serve, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
