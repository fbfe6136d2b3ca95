"""Where the sentences of a text begin and end, by rules that can be read.

Wrong cuts cost differently: two sentences kept together make a longer quote, one sentence cut in
two makes a quote that says something else. So every doubt is decided against a cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpus.text.line_breaks import unbroken_spans

# About three lines of a wide page; longer "sentences" are lists or tables that lost their layout.
MAX_SENTENCE_CHARS = 600

_WIDE_STOPS = "。！？｡"
_STOPS = ".!?…।؟۔" + _WIDE_STOPS
_CLOSERS = "\"'’”»)\\]）】」』》〉"
# The look-behind makes a run of stops be tried once, at its start: a page of dots stays linear.
_STOP = re.compile(rf"(?<![{_STOPS}])[{_STOPS}]++[{_CLOSERS}]*+")
_OPENERS = "\"'‘“«([（【「『《〈*_"
_LONGEST_ABBREVIATION_CHARS = 16


def _words(separated_by_spaces: str) -> frozenset[str]:
    return frozenset(separated_by_spaces.split())


_NEVER_LAST = _words(
    "mr mrs ms dr prof rev gen sen rep gov capt lt col sgt st mt hon messrs mme mlle vs cf ca al "
    "approx est incl resp e.g i.e viz z.b d.h bzw vgl usw u.a hr fr"
)
_BEFORE_A_NUMBER = _words(
    "no nos nr art sec secs fig figs p pp vol ch para pt tab eq ex jan feb mar apr jun jul aug sep "
    "sept oct nov dec"
)
_MAY_BE_LAST = _words(
    "inc corp co ltd llc plc l.p n.v s.a bros jr sr etc dept div assn univ ph.d a.m p.m"
)
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_ITEM_NUMBER = re.compile(r"[(\[]?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxlIVXL]{1,6})")
# After "Inc." or "U.S.", a capital alone says nothing, but these words hardly follow inside one.
_STARTERS = _words(
    "the this that these those we our it its in on at as for from he she they his her their there "
    "if when while since although however a an some such under upon all each both no other"
)
_FIRST_WORD = re.compile(r"[^\W\d_]+")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of each sentence, in order, end exclusive; empty for blank text.

    Spans do not overlap, are not empty, have no white space at either end, hold no blank line and
    no form feed, and are at most `MAX_SENTENCE_CHARS` long; every character that is not white space
    is in one. A heading, a list item and a row of a table are each a sentence. Linear in the text.
    """
    return [
        piece
        for start, end in unbroken_spans(text)
        for sentence in _split_at_stops(text, start, end)
        for piece in _bounded(text, *sentence)
    ]


def _split_at_stops(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    sentence_start = start
    for stop in _STOP.finditer(text, start, end):
        if stop.end() < end and _is_end(text, sentence_start, stop, end):
            yield sentence_start, stop.end()
            sentence_start = _skip_space(text, stop.end(), end)
    if sentence_start < end:
        yield sentence_start, end


def _is_end(text: str, sentence_start: int, stop: re.Match[str], limit: int) -> bool:
    marks = stop.group()
    if any(mark in _WIDE_STOPS for mark in marks):
        return True
    if not text[stop.end()].isspace():
        return False
    if stop.start() == sentence_start or text[stop.start() - 1].isspace() or "...." in marks:
        return False  # leader dots of a table of contents
    after = _skip_space(text, stop.end(), limit)
    following = text[after : after + 40].lstrip(_OPENERS)
    if following[:1].islower():
        return False
    return marks[0] != "." or not _is_abbreviation(text, sentence_start, stop.start(), following)


def _is_abbreviation(text: str, sentence_start: int, dot: int, following: str) -> bool:
    """Whether the dot at `dot` belongs to the word before it and ends no sentence."""
    if dot - sentence_start <= _LONGEST_ABBREVIATION_CHARS and _ITEM_NUMBER.fullmatch(
        text, sentence_start, dot
    ):
        return True
    before = text[max(sentence_start, dot - _LONGEST_ABBREVIATION_CHARS) : dot]
    word = before.split()[-1].lstrip(_OPENERS)
    lower = word.lower()
    if lower in _NEVER_LAST:
        return True
    if lower in _BEFORE_A_NUMBER and following[:1].isdigit():
        return True
    initial = len(word) == 1 and word.isupper()
    if initial or lower in _MAY_BE_LAST or _DOTTED.fullmatch(word):
        first_word = _FIRST_WORD.match(following)
        return first_word is not None and first_word.group().lower() not in _STARTERS
    return False


def _bounded(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut what is too long: at its last line break that fits, or space, or anywhere."""
    while end - start > MAX_SENTENCE_CHARS:
        limit = start + MAX_SENTENCE_CHARS
        cut = max(text.rfind("\n", start, limit + 1), text.rfind("\r", start, limit + 1))
        if cut <= start:
            cut = text.rfind(" ", start, limit + 1)
        if cut <= start:
            cut = limit
        piece_end = start + len(text[start:cut].rstrip())
        yield start, piece_end
        start = _skip_space(text, cut, end)
    yield start, end


def _skip_space(text: str, at: int, limit: int) -> int:
    while at < limit and text[at].isspace():
        at += 1
    return at
