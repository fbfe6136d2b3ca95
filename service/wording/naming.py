"""Which documents a question names: "3M", "JnJ in FY2022". Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

_WORD = re.compile(r"[^\W_]+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SHORT_YEAR = re.compile(r"\bFY ?['’]?(\d\d)\b")
# Words with a digit that are the form's or the year's, not a name: 10K, 8K, 2022, 2023Q1, Q4, FY22.
_NUMBERED = re.compile(r"\d+|\d{1,2}[kq]|(?:19|20)\d\dq\d|q\d|fy\d+")
_SMALL_WORDS = "a an and at by de der die das for from in is of on or the to und with"
_NO_NAMES = frozenset(_SMALL_WORDS.split())
# "JnJ", "J&J": the letters of a name's words, with "and" or without.
_JOINING = re.compile(r"(?<=[A-Z])[n&](?=[A-Z])")
_SHORTEST_BEGINNING = 3
# A year tells the filings of one company apart; alone, it names nothing.
_WITHOUT_YEAR = 2 / 3


def naming(question: str, titles: Collection[str]) -> Mapping[str, float]:
    """How far the question names each of the titled documents, in [0, 1], higher is more.

    The share of the title's words that are in the question, rare ones among the titles counting
    more; or a whole name's initials or beginning in capitals ("JPM").
    """
    words = {title: _names(title) for title in titles}
    having = Counter(word for names in words.values() for word in set(names))
    asked = {word.lower() for word in _WORD.findall(question)}
    short = _abbreviations(question)
    years = {*_YEAR.findall(question), *(f"20{year}" for year in _SHORT_YEAR.findall(question))}
    found = {}
    for title, names in words.items():
        share = _share(names, asked, having) or float(_is_abbreviated(names, short))
        has_year = any(year in title for year in years)
        found[title] = share * (1.0 if has_year else _WITHOUT_YEAR)
    return found


def _names(title: str) -> list[str]:
    words = (word.lower() for word in _WORD.findall(title))
    return [word for word in words if word not in _NO_NAMES and not _NUMBERED.fullmatch(word)]


def _share(names: list[str], asked: set[str], having: Counter[str]) -> float:
    total = sum(1 / having[word] for word in names)
    return sum(1 / having[word] for word in names if word in asked) / total if total else 0.0


def _abbreviations(question: str) -> set[str]:
    """Words of two capitals and more, in small letters; "JnJ" also as "jj"."""
    found = [
        word
        for word in re.findall(r"[^\W_]+(?:&[^\W_]+)?", question)
        if sum(char.isupper() for char in word) >= 2
    ]
    return {form.lower() for word in found for form in (word, _JOINING.sub("", word))}


def _is_abbreviated(names: list[str], short: set[str]) -> bool:
    initials = "".join(name[0] for name in names)
    for word in short:
        if initials.startswith(word):
            return True
        if len(word) >= _SHORTEST_BEGINNING and any(name.startswith(word) for name in names):
            return True
    return False
