"""A written answer while it is being written: sentinel, markers, citations, state. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter

from corpus.text.sentences import sentence_spans
from service.answering.citations import (
    Citation,
    is_supported,
    make_citation,
    overlap,
    quote_for,
    supporting_text,
)
from service.answering.events import (
    AnswerState,
    CitationMade,
    TextPiece,
    UnsupportedSentence,
)
from service.answering.passages import Passage
from service.answering.writing.markers import Marker, MarkerFilter, PlainText
from service.answering.writing.prompts import ABSTAIN
from service.llm.thinking import ThinkingFilter
from service.wording.words import content_words, numbers

# Small models dress the sentinel up: "**NOT_IN_DOCUMENTS**", `NOT_IN_DOCUMENTS`.
_DRESSING = " \t\r\n*_`\"'"
# A reply that ends inside the sentinel was one if this much of it is there: "NOT_IN_DOCUMENT".
_SHORTEST_SENTINEL_CHARS = len("NOT_IN")
# The sentence that a marker belongs to is looked for in so much text before it.
_SENTENCE_WINDOW_CHARS = 1200
# "Here is what I found:" claims nothing.
_CLAIM_WORDS = 3


class Draft:
    """Feed it the model's text; it gives the answer's events.

    The model's passage numbers become citation numbers from 1, in the order of first use of each
    (passage, quote). How the text is split into pieces changes neither the joined answer nor the
    citations. Holds text back only while it may still be the sentinel, a marker or a tag, or is
    white space that may be the end. What a model thinks aloud is left out.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = {passage.number: passage for passage in passages}
        self._markers = MarkerFilter(max(self._passages, default=0))
        self._thinking = ThinkingFilter()
        self._head: str | None = ""
        self._space = ""
        self._shown: list[str] = []
        self._shown_chars = 0
        # `_plain` is the answer as if it had no markers: "4,200 people [2]." is "4,200 people.";
        # `_places` are (offset in it, offset in the answer) where each of its pieces begins.
        self._plain = ""
        self._places: list[tuple[int, int]] = []
        self._is_after_marker = False
        self._citations: dict[tuple[str, int, int], Citation] = {}
        # Where in `_plain` something was cited, and the text that it was cited for.
        self._cited: list[tuple[int, str]] = []
        self.abstained = False
        # The sentences that what they cite does not carry, in their order; known at the end.
        self.unsupported: tuple[UnsupportedSentence, ...] = ()

    @property
    def answer(self) -> str:
        """The text given out so far."""
        return "".join(self._shown)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations made so far, in order of id."""
        return tuple(self._citations.values())

    def feed(self, piece: str) -> Iterator[TextPiece | CitationMade]:
        """Take the next piece of the model's text; nothing comes out once it has abstained."""
        yield from self._take(self._thinking.feed(piece))

    def _take(self, piece: str) -> Iterator[TextPiece | CitationMade]:
        if self.abstained or not piece:
            return
        if self._head is not None:
            self._head += piece
            bare = self._head.strip(_DRESSING)
            if bare.startswith(ABSTAIN):
                self.abstained = True
                return
            if ABSTAIN.startswith(bare):
                return
            piece, self._head = self._head.lstrip(), None
        yield from self._write(self._markers.feed(piece))

    def finish(self) -> Iterator[TextPiece | CitationMade]:
        """Give out what was held back: the model has ended."""
        yield from self._take(self._thinking.finish())
        if self.abstained:
            return
        if self._head is not None:
            if len(self._head.strip(_DRESSING)) >= _SHORTEST_SENTINEL_CHARS:
                self.abstained = True
                return
            piece, self._head = self._head.strip(), None
            yield from self._write(self._markers.feed(piece))
        yield from self._write(self._markers.finish())
        self.unsupported = self._without_support()

    def state(self) -> AnswerState:
        """At the end: `answered` if every claim is cited and carried, `partial` otherwise."""
        if self.abstained:
            return "not_in_documents"
        return "answered" if self._cited and not self.unsupported else "partial"

    def _without_support(self) -> tuple[UnsupportedSentence, ...]:
        spans = sentence_spans(self._plain)
        cited: dict[int, list[str]] = {}
        for at, text in self._cited:
            begun = bisect_left(spans, (at, 0))
            cited.setdefault(max(begun - 1, 0), []).append(text)
        return tuple(
            UnsupportedSentence(
                text=self._plain[start:end],
                start=self._place(start),
                end=self._place(end - 1) + 1,
            )
            for index, (start, end) in enumerate(spans)
            if not _is_grounded(self._plain[start:end], cited.get(index, []))
        )

    def _place(self, at: int) -> int:
        """Where in the answer the character of `_plain` at this offset stands."""
        plain, shown = self._places[bisect_right(self._places, at, key=itemgetter(0)) - 1]
        return shown + at - plain

    def _write(self, tokens: Iterator[PlainText | Marker]) -> Iterator[TextPiece | CitationMade]:
        for token in tokens:
            if isinstance(token, PlainText):
                yield from self._show_text(token.text)
                continue
            sentence = self._current_sentence()
            for number in token.numbers:
                yield from self._cite(sentence, self._passages[number])

    def _show_text(self, text: str) -> Iterator[TextPiece]:
        for piece in self._show(text):
            if self._is_after_marker and piece.text[0].isalnum():
                self._plain += " "
            self._is_after_marker = False
            self._places.append((len(self._plain), self._shown_chars - len(piece.text)))
            self._plain += piece.text
            yield piece

    def _show(self, text: str) -> Iterator[TextPiece]:
        text = self._space + text if self._shown else text.lstrip()
        shown = text.rstrip()
        self._space = text[len(shown) :]
        if shown:
            self._shown.append(shown)
            self._shown_chars += len(shown)
            yield TextPiece(shown)

    def _cite(self, sentence: str, passage: Passage) -> Iterator[TextPiece | CitationMade]:
        span = quote_for(sentence, passage)
        # Chunks overlap: the same words of the document are one citation, whichever chunk has them.
        key = (passage.document_id, passage.start_char + span[0], passage.start_char + span[1])
        known = self._citations.get(key)
        text = supporting_text(passage, span)
        citation = known or make_citation(
            len(self._citations) + 1,
            passage,
            span,
            score=overlap(sentence, passage.text[span[0] : span[1]]),
            supported=is_supported(sentence, text),
        )
        yield from self._show(f"[{citation.id}]")
        self._is_after_marker = True
        self._cited.append((len(self._plain), text))
        if known is None:
            self._citations[key] = citation
            yield CitationMade(citation)

    def _current_sentence(self) -> str:
        """The sentence that a marker at the end of the text belongs to: the last one begun."""
        window = self._plain[-_SENTENCE_WINDOW_CHARS:]
        spans = sentence_spans(window)
        return window[spans[-1][0] : spans[-1][1]] if spans else ""


def _is_grounded(sentence: str, cited: Sequence[str]) -> bool:
    """Whether the cited texts together carry the sentence, or it claims nothing."""
    if len(content_words(sentence)) < _CLAIM_WORDS and not numbers(sentence):
        return True
    return bool(cited) and is_supported(sentence, "\n".join(cited))
