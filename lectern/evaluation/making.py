"""Propose a golden set from what a collection says: a smoke test, until people have written one.

Each question is a sentence of a document with a name or a number left out, which is the answer. It
shows whether what was read can be found and cited, not how people ask: their words are others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from corpus.errors import InvalidRequest
from corpus.text.sentences import sentence_spans
from corpus.values import Status
from lectern.client import Client
from lectern.evaluation.golden import Golden

GAP = "…"
MIN_WORDS, MAX_WORDS = 8, 40
# A number with its separators, or a name that is not the sentence's first word.
_TELLING = re.compile(r"(?<=\s)(?:\d(?:[\d.,]*\d)?|[A-Z][\w'-]+(?: [A-Z][\w'-]+)*)(?!\w)")
_SENTENCE_ENDS = (".", "!", "?")
_READY = frozenset({Status.READY, Status.PARTIAL})

T = TypeVar("T")


def write_proposal(client: Client, collection: str, count: int, path: Path) -> int:
    """Write at most `count` questions to a new JSONL file; how many they are.

    Raises InvalidRequest when the file exists or nothing fits, ServerError when the server refuses.
    """
    if path.exists():
        raise InvalidRequest(f"{path} exists already.", hint="Name a new file, or remove this one.")
    questions = list(propose(client, collection, count))
    if not questions:
        raise InvalidRequest(
            f"No sentence in {collection} makes a question.",
            hint="Add documents with running text, or write the golden set by hand.",
        )
    path.write_text(
        "".join(one.model_dump_json(exclude_defaults=True) + "\n" for one in questions), "utf-8"
    )
    return len(questions)


def propose(client: Client, collection: str, count: int) -> Iterator[Golden]:
    """At most `count` questions, a page each, from pages spread evenly over all documents.

    Pages without a fitting sentence are passed over.
    """
    pages = [
        (document, number)
        for document in client.documents(collection)
        if document["status"] in _READY
        for number in range(1, document["pages"] + 1)
    ]
    for document, number in _spread(pages, count):
        made = question_of(client.page(document["id"], number)["text"])
        if made is not None:
            question, answer = made
            yield Golden(
                question=question,
                answer=answer,
                document=document["filename"],
                pages=frozenset({number}),
            )


def question_of(text: str) -> tuple[str, str] | None:
    """(question, answer) from the longest fitting sentence of a page; None without one."""
    made: tuple[str, str] | None = None
    longest = MIN_WORDS - 1
    for start, end in sentence_spans(text):
        sentence = " ".join(text[start:end].split())
        count = len(sentence.split())
        telling = _TELLING.search(sentence)
        if telling and longest < count <= MAX_WORDS and sentence.endswith(_SENTENCE_ENDS):
            longest = count
            made = (
                f"{sentence[: telling.start()]}{GAP}{sentence[telling.end() :]}",
                telling.group(),
            )
    return made


def _spread(those: Sequence[T], count: int) -> list[T]:
    most = min(count, len(those))
    return [those[i * len(those) // most] for i in range(most)]
