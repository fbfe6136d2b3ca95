"""Judge what came back, and sum it up in figures. Pure.

Recall@k, MRR and nDCG as in Manning, Raghavan and Schütze, Introduction to Information Retrieval,
chapter 8, with relevance 0 or 1. What is ranked is the page, or the passage where a golden question
names a paragraph; each counts once, at its best hit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lectern.evaluation.asking import Asked

DEPTHS = (1, 5, 10)
NDCG_DEPTH = 10
_Marked = TypeVar("_Marked")
NOT_IN_DOCUMENTS = "not_in_documents"
_BETWEEN_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure: its mean over `count` questions (or citations); None when there are none.

    A share in [0, 1], or milliseconds. `less_is_better` tells the direction.
    """

    name: str
    value: float | None
    count: int
    unit: str = "share"
    less_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """One question's marks; None where the golden question does not say what would be right.

    `ranks` are the places, from 1, of the right pages or passages among those found; `right_count`
    is how many there are to find.
    """

    question: str
    state: str
    ranks: tuple[int, ...] | None
    right_count: int
    contains_answer: bool | None
    cites_right: bool | None
    verbatim: tuple[bool, ...]
    answerable: bool
    search_ms: float
    chat_ms: float


def judge(asked: Asked) -> Judged:
    """The marks of one question."""
    golden, answer = asked.golden, asked.answer
    withheld = answer["state"] == NOT_IN_DOCUMENTS
    has_answer = golden.answerable and golden.answer is not None
    return Judged(
        question=golden.question,
        state=answer["state"],
        ranks=_ranks(asked) if golden.has_place else None,
        right_count=max(1, len(golden.pages)),
        contains_answer=not withheld and contains(answer["answer"], golden.answer or "")
        if has_answer
        else None,
        cites_right=any(_is_right(asked, citation) for citation in answer["citations"])
        if golden.has_place and not withheld
        else None,
        verbatim=tuple(asked.verbatim),
        answerable=golden.answerable,
        search_ms=asked.search_ms,
        chat_ms=asked.chat_ms,
    )


def figures_of(judged: Sequence[Judged]) -> list[Figure]:
    """All figures, in the order in which they are shown."""
    found = [one for one in judged if one.ranks is not None]
    answerable = [one for one in judged if one.answerable]
    others = [one for one in judged if not one.answerable]
    quotes = [ok for one in judged for ok in one.verbatim]
    return [
        *(_mean(f"recall@{depth}", found, _is_within(depth)) for depth in DEPTHS),
        _mean("MRR", found, lambda one: 1 / _best(one)),
        _mean(f"nDCG@{NDCG_DEPTH}", found, _ndcg),
        _mean(
            "answer contains the gold answer",
            [one for one in judged if one.contains_answer is not None],
            lambda one: bool(one.contains_answer),
        ),
        _mean("quote is verbatim in its page", quotes, float),
        _mean(
            "right place is cited",
            [one for one in judged if one.cites_right is not None],
            lambda one: bool(one.cites_right),
        ),
        _mean("wrongly withheld", answerable, _is_withheld, less_is_better=True),
        _mean("wrongly answered", others, lambda one: not _is_withheld(one), less_is_better=True),
        *_latencies("search", [one.search_ms for one in judged]),
        *_latencies("chat", [one.chat_ms for one in judged]),
    ]


def contains(text: str, gold: str) -> bool:
    """Whether the words of `gold` stand in `text` one after the other, whatever is between them."""
    return f" {_words(gold)} " in f" {_words(text)} " or (
        not gold.isascii() and _words(gold).replace(" ", "") in _words(text).replace(" ", "")
    )


def _words(text: str) -> str:
    return " ".join(_BETWEEN_WORDS.sub(" ", text.casefold()).split())


def _ranks(asked: Asked) -> tuple[int, ...]:
    """Pages count once; of passages, the first right one is the only one that is looked for."""
    if asked.golden.paragraph is not None:
        ranks = [i for i, hit in enumerate(asked.hits, start=1) if _is_right(asked, hit)]
        return tuple(ranks[:1])
    pages = dict.fromkeys((hit["filename"], hit["page"]) for hit in asked.hits)
    if not asked.golden.pages:
        names = dict.fromkeys(hit["filename"] for hit in asked.hits)
        return tuple(i for i, name in enumerate(names, start=1) if name == asked.golden.document)
    return tuple(
        rank
        for rank, (filename, page) in enumerate(pages, start=1)
        if filename == asked.golden.document and page in asked.golden.pages
    )


def _is_right(asked: Asked, place: dict[str, Any]) -> bool:
    """Whether a hit or a citation is at the golden place."""
    golden = asked.golden
    if place["filename"] != golden.document:
        return False
    if golden.paragraph is None:
        return not golden.pages or int(place["page"]) in golden.pages
    if asked.paragraph_span is None:
        return False
    start, end = asked.paragraph_span
    shared = min(end, int(place["end_char"])) - max(start, int(place["start_char"]))
    # A hit that only touches the paragraph is the one beside it; a quote is inside.
    length = int(place["end_char"]) - int(place["start_char"])
    return shared > 0 and 2 * shared >= min(end - start, length)


def _best(one: Judged) -> float:
    return one.ranks[0] if one.ranks else math.inf


def _is_within(depth: int) -> Callable[[Judged], bool]:
    return lambda one: _best(one) <= depth


def _ndcg(one: Judged) -> float:
    gained = sum(1 / math.log2(1 + rank) for rank in one.ranks or () if rank <= NDCG_DEPTH)
    best = sum(1 / math.log2(1 + rank) for rank in range(1, min(one.right_count, NDCG_DEPTH) + 1))
    return gained / best


def _is_withheld(one: Judged) -> bool:
    return one.state == NOT_IN_DOCUMENTS


def _mean(
    name: str,
    those: Sequence[_Marked],
    mark: Callable[[_Marked], float],
    *,
    less_is_better: bool = False,
) -> Figure:
    value = sum(map(mark, those)) / len(those) if those else None
    return Figure(name, value, len(those), less_is_better=less_is_better)


def _latencies(name: str, taken_ms: Iterable[float]) -> list[Figure]:
    ordered = sorted(taken_ms)
    return [
        Figure(f"{name} p{share}", _percentile(ordered, share), len(ordered), "ms", True)
        for share in (50, 99)
    ]


def _percentile(ordered: Sequence[float], share: int) -> float | None:
    """Nearest rank."""
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)] if ordered else None
