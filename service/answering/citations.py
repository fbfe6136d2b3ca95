"""Citations: which verbatim words of which page a sentence stands on. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field

from corpus.text.sentences import sentence_spans
from service.answering.passages import Passage
from service.wording.names import capitals_tell_names, names_in
from service.wording.polarity import contradict
from service.wording.words import content_words, numbers

# Half the content words leaves room for a paraphrase and none for another subject.
SUPPORTING_SHARE = 0.5
# A claim is checked with about a chunk's length before and after its quote, and no more: most
# claims find half of their words somewhere on a page.
SURROUNDINGS_CHARS = 1_000
_CLAUSES = re.compile(r"[,;:，；：]|\b(?:and|but|while|whereas|und|aber|sondern)\b")


class Citation(BaseModel):
    """One `[id]` of an answer.

    `quote` is verbatim: the document's text from `start_char` to `end_char` (end exclusive), on
    `page` (from 1). `score` in [0, 1] says how well the quote fits, higher is better: for a quoted
    sentence its closeness to the question, for a written one the share of its words in the quote.
    `created_at` is when the document was uploaded, RFC 3339.
    """

    model_config = ConfigDict(frozen=True)

    id: int = Field(ge=1)
    document_id: str
    filename: str
    page: int = Field(ge=1)
    quote: str
    start_char: int = Field(ge=0)
    end_char: int
    score: float = Field(ge=0, le=1)
    supported: bool
    created_at: str = ""


def make_citation(
    number: int, passage: Passage, span: tuple[int, int], *, score: float, supported: bool
) -> Citation:
    """The citation `[number]` of `passage.text[start:end]`, for `span` = (start, end)."""
    start, end = span
    return Citation(
        id=number,
        document_id=passage.document_id,
        filename=passage.filename,
        page=passage.page,
        quote=passage.text[start:end],
        start_char=passage.start_char + start,
        end_char=passage.start_char + end,
        score=min(1.0, max(0.0, score)),
        supported=supported,
        created_at=passage.created_at,
    )


def quote_for(sentence: str, passage: Passage) -> tuple[int, int]:
    """(start, end) in `passage.text` of the sentence that shares most words with `sentence`.

    A shared number counts double: it is what readers check. The first wins a tie; the whole text
    when it has no sentence.
    """
    sentences = _sentences(passage.text)
    if not sentences:
        return 0, len(passage.text)
    wanted = frozenset(content_words(sentence))
    figures = numbers(sentence)

    def shared(found: _Sentence) -> float:
        # The small penalty prefers, of two equal matches, the one that says little else.
        return len(wanted & found.words) + len(figures & found.words) - 0.001 * len(found.words)

    return max(sentences, key=shared).span


@dataclass(frozen=True, slots=True)
class _Sentence:
    span: tuple[int, int]
    words: frozenset[str]


# The sentences of an answer cite the same few passages.
@lru_cache(maxsize=32)
def _sentences(text: str) -> tuple[_Sentence, ...]:
    return tuple(
        _Sentence((start, end), frozenset(content_words(text[start:end])))
        for start, end in sentence_spans(text)
    )


def supporting_text(passage: Passage, span: tuple[int, int]) -> str:
    """What a claim that cites `passage.text[start:end]` is checked with.

    The text around it, below the passage's title, headings and columns.
    """
    start, end = span
    near = passage.text[max(0, start - SURROUNDINGS_CHARS) : end + SURROUNDINGS_CHARS]
    return "\n".join(part for part in (passage.above, near) if part)


def overlap(sentence: str, text: str) -> float:
    """Share of the content words of `sentence` that occur in `text`, in [0, 1]; 0 without any."""
    wanted = set(content_words(sentence))
    if not wanted:
        return 0.0
    return len(wanted & set(content_words(text))) / len(wanted)


def is_supported(sentence: str, text: str) -> bool:
    """Whether `text` can carry the claim `sentence`, by words alone.

    Every number and every name of the sentence must occur in the text, and at least half of its
    content words; and where sentences of the text share as much with it, one of them must not say
    the opposite. It sees wrong figures, wrong subjects and plain negations; it knows no synonyms,
    so in doubt the claim is not supported.
    """
    if not (wanted := frozenset(content_words(sentence))):
        return False
    if " ".join(sentence.split()) in " ".join(text.split()):
        return True
    there = frozenset(content_words(text))
    if not numbers(sentence) <= numbers(text) or not _names(sentence) <= there:
        return False
    if len(wanted & there) < SUPPORTING_SHARE * len(wanted):
        return False
    close = [one for one in _claims(text) if overlap(sentence, one) >= SUPPORTING_SHARE]
    return not close or not all(contradict(sentence, one) for one in close)


def _claims(text: str) -> Iterator[str]:
    """The sentences, and the clauses of each that has several."""
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        yield sentence
        clauses = _CLAUSES.split(sentence)
        if len(clauses) > 1:
            yield from clauses


def _names(sentence: str) -> frozenset[str]:
    if not capitals_tell_names(sentence):
        return frozenset()
    return frozenset(word for name in names_in(sentence) for word in content_words(name))
