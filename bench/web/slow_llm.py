"""A process of its own that speaks the OpenAI chat protocol and writes a long answer.

    python -m bench.web.slow_llm TOKENS PER_SECOND

Prints its port. The answer is Markdown: paragraphs, lists and a table, with citations.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from itertools import cycle, islice

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: close\r\n\r\n"
)
_TEXT = (
    "The **lens** is cleaned on Monday and Thursday mornings [1]. Nobody touches it with bare "
    "hands [1].\n\n- It is cleaned with *spirit of wine* [1]\n- and a `linen` cloth [1]\n\n"
    "| what | when |\n|---|---|\n| the lens | Monday [1] |\n| the lamp | every day [1] |\n\n"
)
# About as long as the tokens of common models.
_TOKEN = re.compile(r"\s*\S{1,5}|\s+")


def tokens(count: int) -> list[str]:
    """So many pieces of text."""
    return list(islice(cycle(_TOKEN.findall(_TEXT)), count))


def _event(text: str) -> bytes:
    delta = {"role": "assistant", "content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "slow"}
    data = f"data: {json.dumps({**body, 'choices': [choice]})}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int, per_second: float
) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length.group(1)) if length else 0)
        writer.write(_HEAD)
        begun_s = time.monotonic()
        for number, token in enumerate(tokens(count)):
            wait_s = begun_s + number / per_second - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            writer.write(_event(token))
            await writer.drain()
        done = b"data: [DONE]\n\n"
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done))
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(count: int, per_second: float) -> None:
    """Listen on a free port of this machine, until the process is ended."""
    server = await asyncio.start_server(
        lambda reader, writer: _serve(reader, writer, count, per_second), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
