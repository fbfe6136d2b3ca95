"""The passages behind an answer, word for word, for whoever asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from corpus.access import Reader
from corpus.errors import AnswerNotFound
from corpus.registry.database.engine import Registry
from corpus.registry.turns import find_turn
from service.answering.citations import Citation
from service.slack.elements import Element, block, element, text
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
) -> list[list[Element]]:
    """The blocks of messages with every quote of the answer; what there is to say where none is.

    The answer is one that the reader sees, whosever it is. Raises `StorageUnavailable`.
    """
    try:
        with registry.read() as connection:
            turn = find_turn(connection, answer_id, replace(reader, owner=None))
    except AnswerNotFound:
        return [[_said(text(GONE))]]
    if turn.is_removed:
        return [[_said(text(GONE))]]
    citations = [Citation.model_validate(one) for one in turn.reply.get("citations", ())]
    return quote_messages(citations, public_url)


def quote_messages(citations: Sequence[Citation], public_url: str) -> list[list[Element]]:
    """The same for these citations; no message is longer than Slack allows."""
    if not citations:
        return [[_said(text(NOTHING))]]
    messages: list[list[Element]] = [[]]
    chars = 0
    for shown, length in _blocks(citations, public_url):
        if len(messages[-1]) == MAX_BLOCKS or chars + length > MAX_MESSAGE_CHARS:
            if len(messages) == MAX_MESSAGES:
                messages[-1][-1] = _said(text(MORE))
                break
            messages.append([])
            chars = 0
        messages[-1].append(shown)
        chars += length
    return messages


def _blocks(citations: Sequence[Citation], public_url: str) -> Iterator[tuple[Element, int]]:
    """A line with the place, then the quote, each with the number of its characters."""
    for citation in citations:
        place = f"{citation.filename}, page {citation.page}"
        address = address_of(citation, public_url)
        where = {"type": "link", "url": address, "text": place} if address else text(place)
        yield _said(text(f"[{citation.id}] "), where), len(place) + 10
        for start in range(0, len(citation.quote), MAX_BLOCK_CHARS):
            piece = citation.quote[start : start + MAX_BLOCK_CHARS]
            yield block([element("quote", [text(piece)])]), len(piece)


def _said(*line: Element) -> Element:
    return block([element("section", line)])
