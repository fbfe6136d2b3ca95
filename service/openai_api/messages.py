"""A question and what was said before it, read from messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from corpus.errors import InvalidRequest
from service.asking.question import MAX_QUESTION_CHARS
from service.conversations.follow_ups import stands_alone
from service.conversations.past import MAX_TURNS, PastTurn
from service.openai_api.request import Message
from service.openai_api.sources import read_sources

_NO_QUESTION = "There is no user message, so nothing is asked."


@dataclass(frozen=True, slots=True)
class Asked:
    """The last user message, and the turns before it, first to last."""

    text: str
    past: tuple[PastTurn, ...]


def read_messages(messages: Sequence[Message]) -> Asked:
    """What is asked; what is neither the user's nor an answer to them is not read.

    Raises `InvalidRequest` without a user message, and when one has a part that is no text.
    """
    asked_at = [number for number, one in enumerate(messages) if one.role == "user"]
    if not asked_at:
        raise InvalidRequest(_NO_QUESTION, hint='Send a message with the role "user".')
    for number in asked_at:
        _refuse_other_parts(number, messages[number])
    last = asked_at[-1]
    return Asked(messages[last].text, _understood(_turns(messages[:last])))


def _refuse_other_parts(number: int, message: Message) -> None:
    parts = message.content if isinstance(message.content, list) else []
    for part in parts:
        if part.type != "text":
            raise InvalidRequest(
                f"messages.{number} has a part of the type {part.type[:80]!r}, and only text is "
                "read here.",
                hint="Ask in words, if need be in a new chat; files go to POST /documents.",
            )


def _turns(messages: Iterable[Message]) -> list[PastTurn]:
    """The last questions, each with what answered it; empty where nothing did."""
    turns: list[PastTurn] = []
    for message in messages:
        if message.role == "user" and message.text:
            question = message.text[:MAX_QUESTION_CHARS]
            turns.append(PastTurn(question, question, answer=""))
        elif message.role == "assistant" and turns and message.text:
            answer, cited = read_sources(message.text)
            turns[-1] = replace(turns[-1], answer=answer, cited=cited)
    return turns[-MAX_TURNS:]


def _understood(turns: Iterable[PastTurn]) -> tuple[PastTurn, ...]:
    """The turns with their questions made to stand alone, as they were when they were asked."""
    understood: list[PastTurn] = []
    for turn in turns:
        alone = stands_alone(turn.question, understood)[:MAX_QUESTION_CHARS] or turn.question
        understood.append(replace(turn, standalone_question=alone))
    return tuple(understood)
