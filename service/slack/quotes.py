"""The passages behind an answer, word for word, for whoever asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from corpus.access import Reader
from corpus.errors import AnswerNotFound
from corpus.registry.database.engine import Registry
from corpus.registry.turns import find_turn
from service.answering.citations import Citation
from service.slack.texts import address_of

# What Slack accepts of a message at most: blocks, and text in them with some room to spare.
MAX_BLOCKS = 50
MAX_BLOCK_CHARS = 3_000
MAX_MESSAGE_CHARS = 10_000
# So many messages one press may bring; the marked pages show the rest.
MAX_MESSAGES = 3

GONE = "This answer is kept no longer: a document that it speaks of was deleted, or it expired."
NOTHING = "This answer quotes nothing."
MORE = "The other quotes are on the marked pages, behind the links below the answer."


def quotes_of(
    registry: Registry, answer_id: str, reader: Reader, public_url: str
) -> list[list[dict[str, Any]]]:
    """The blocks of messages with every quote of the answer; what there is to say where none is.

    The answer is one that the reader sees, whosever it is. Raises `StorageUnavailable`.
    """
    try:
        with registry.read() as connection:
            turn = find_turn(connection, answer_id, replace(reader, owner=None))
    except AnswerNotFound:
        return [[_section([_text(GONE)])]]
    if turn.is_removed:
        return [[_section([_text(GONE)])]]
    citations = [Citation.model_validate(one) for one in turn.reply.get("citations", ())]
    return quote_messages(citations, public_url)


def quote_messages(citations: Sequence[Citation], public_url: str) -> list[list[dict[str, Any]]]:
    """The same for these citations; no message is longer than Slack allows."""
    if not citations:
        return [[_section([_text(NOTHING)])]]
    messages: list[list[dict[str, Any]]] = [[]]
    chars = 0
    for block, length in _blocks(citations, public_url):
        if len(messages[-1]) == MAX_BLOCKS or chars + length > MAX_MESSAGE_CHARS:
            if len(messages) == MAX_MESSAGES:
                messages[-1][-1] = _section([_text(MORE)])
                break
            messages.append([])
            chars = 0
        messages[-1].append(block)
        chars += length
    return messages


def _blocks(citations: Sequence[Citation], public_url: str) -> Iterator[tuple[dict[str, Any], int]]:
    """A line with the place, then the quote, each with the number of its characters.

    As rich text, in which no character formats, mentions or links anything.
    """
    for citation in citations:
        place = f"{citation.filename}, page {citation.page}"
        address = address_of(citation, public_url)
        where = {"type": "link", "url": address, "text": place} if address else _text(place)
        yield _section([_text(f"[{citation.id}] "), where]), len(place) + 10
        for start in range(0, len(citation.quote), MAX_BLOCK_CHARS):
            piece = citation.quote[start : start + MAX_BLOCK_CHARS]
            quote = {"type": "rich_text_quote", "elements": [_text(piece)]}
            yield {"type": "rich_text", "elements": [quote]}, len(piece)


def _section(elements: list[dict[str, Any]]) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "elements": [section]}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
