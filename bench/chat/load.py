"""Asking a server over and over, so many at a time, and noting when what came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp


@dataclass(frozen=True, slots=True)
class Timed:
    """One request: when it was sent, when the first token and the end came, in seconds.

    The clock is `time.monotonic()`, the same for all processes of a machine.
    """

    number: int
    sent_s: float
    first_s: float
    done_s: float


@dataclass(frozen=True, slots=True)
class Target:
    """A server: where to ask, with which body, and how its first token looks."""

    name: str
    url: str
    body: Callable[[str], Mapping[str, object]]
    first_token: bytes


async def ask_many(
    target: Target, questions: Sequence[str], concurrency: int, first_number: int
) -> list[Timed]:
    """Ask each question once, `concurrency` at a time. Raises when one is not answered."""
    waiting = list(enumerate(questions, start=first_number))[::-1]
    found: list[Timed] = []
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def work() -> None:
            while waiting:
                number, question = waiting.pop()
                found.append(await _ask(session, target, number, f"{question} #{number}#"))

        await asyncio.gather(*(work() for _ in range(concurrency)))
    return found


async def _ask(session: aiohttp.ClientSession, target: Target, number: int, question: str) -> Timed:
    sent_s = time.monotonic()
    first_s = 0.0
    seen = b""
    async with session.post(target.url, json=target.body(question)) as response:
        response.raise_for_status()
        async for piece in response.content.iter_any():
            seen += piece
            if not first_s and target.first_token in seen:
                first_s = time.monotonic()
    done_s = time.monotonic()
    if b"word17" not in seen:
        raise RuntimeError(f"{target.name} did not answer {question!r}: {seen[-500:]!r}")
    return Timed(number, sent_s, first_s or done_s, done_s)
