"""The words and numbers of a text, folded so that two texts can be compared. Pure.

Good enough to ask "does this sentence speak of the same things", in any script; never shown.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Ideographs and kana are written without spaces: overlapping pairs stand in for words.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"\d+(?:[.,'\u2019]\d+)*|[{_CJK}]+|[^\W\d_{_CJK}]+(?:['\u2019][^\W\d_]+)*")
_CJK_RUN = re.compile(rf"[{_CJK}]+")
_DIGIT_GROUPS = re.compile(r"\d{1,3}(?:[,.'\u2019]\d{3})+")

# Function words and question words; forms of "to do" and "to have" carry no topic either.
_ENGLISH = """
a about above after again against all also am an and any are as at be because been before being
below between both but by can could did do does doing down during each else ever few for from
further had has have having he her here hers him his how i if in into is it its itself just kind
many may me might more most much must my no nor not of off on once only or other our out over
own per please same shall she should so some such tell than that the their them then there these
they this those through to too type under until up upon us very was we were what when where
which while who whom whose why will with within without would you your
"""
_GERMAN = """
aber als am an auch auf aus bei bis das dass dem den der des die dies durch ein eine einem einen
einer eines er es für hat hatte hatten ihr im in ist kann man mit nach nicht oder sein sich sie
sind so über um und uns unter viele vom von vor war waren warum was welche welchem welchen
welcher welches wer wie wird wo wurde wurden zu zum zur
"""
_STOP_WORDS = frozenset([*_ENGLISH.split(), *_GERMAN.split()])
_SHORTEST_STEM_CHARS = 4
_LONGEST_REMEMBERED = 32  # characters; a run of CJK text is a whole paragraph


def content_words(text: str) -> list[str]:
    """Words that carry meaning, in order with repeats: case and accents folded, endings off.

    Numbers are words too, in the form of `numbers`. A run of CJK text gives its character pairs.
    Empty for text of function words alone.
    """
    found: list[str] = []
    for token in _TOKEN.findall(text):
        found += _remembered_words(token) if len(token) <= _LONGEST_REMEMBERED else _words_of(token)
    return found


def numbers(text: str) -> set[str]:
    """The numbers written in digits, thousands separators removed: {"1577.5"} for "1,577.5"."""
    return {_plain_number(token) for token in _TOKEN.findall(text) if token[0].isdigit()}


def _words_of(token: str) -> tuple[str, ...]:
    if token[0].isdigit():
        return (_plain_number(token),)
    if _CJK_RUN.match(token):
        return _pairs(token)
    word = _folded(token)
    return () if word in _STOP_WORDS else (_stem(word),)


# Folding costs far more than looking up, and texts repeat their words.
_remembered_words = lru_cache(maxsize=16_384)(_words_of)


def _plain_number(token: str) -> str:
    """`1,577` and `1'577` are 1577; a comma or dot before other than three digits is a decimal."""
    if _DIGIT_GROUPS.fullmatch(token):
        marks = {mark for mark in token if not mark.isdigit()}
        # "1.577" may be a decimal: only a repeated dot is surely a thousands separator.
        if marks != {"."} or token.count(".") > 1:
            return "".join(ch for ch in token if ch.isdigit())
    head, last_mark, tail = _split_last_mark(token)
    whole = "".join(ch for ch in head if ch.isdigit())
    if not last_mark:
        return whole
    return f"{whole}.{tail}" if last_mark in ".," else whole + tail


def _split_last_mark(token: str) -> tuple[str, str, str]:
    for at in range(len(token) - 1, -1, -1):
        if not token[at].isdigit():
            return token[:at], token[at], token[at + 1 :]
    return token, "", ""


def _pairs(run: str) -> tuple[str, ...]:
    return tuple(run[at : at + 2] for at in range(len(run) - 1)) or (run,)


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(ch for ch in decomposed if not unicodedata.combining(ch))
    for apostrophe in ("'", "\u2019"):
        plain = plain.split(apostrophe)[0] or plain
    return plain


def _stem(word: str) -> str:
    """Plural, past and -ing endings off (after Harman 1991, "How effective is suffixing?")."""
    if word.endswith("ies") and len(word) > _SHORTEST_STEM_CHARS:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1] if len(word) >= _SHORTEST_STEM_CHARS else word
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM_CHARS:
            word = word[: -len(ending)]
            break
    if word.endswith("e") and len(word) > _SHORTEST_STEM_CHARS:
        word = word[:-1]
    return word
