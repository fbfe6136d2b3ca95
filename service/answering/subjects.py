"""Whom and when a question is about, and whether passages speak of them at all. Pure.

A question about Amazon's revenue has its best match in Best Buy's report when that is all there
is: closeness and shared words do not see that the one name that matters is missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpus.index.languages import DEFAULT_LANGUAGE, languages_of
from service.answering.passages import Passage
from service.answering.words import content_words
from service.retrieval.naming import naming
from service.retrieval.rewriting import rewrite

# Latin letters only: other scripts have no capitals, or the words are not parted.
_WORD = re.compile(
    r"[0-9A-Za-z\u00c0-\u024f]+(?:[.&'’-][0-9A-Za-z\u00c0-\u024f]+)*?(?P<possessive>['’]s)?"
    r"(?![0-9A-Za-z\u00c0-\u024f]|[.&'’-][0-9A-Za-z\u00c0-\u024f])"
)
# "2000 dollars", "1,999" and "in 1500 words" are no years; earlier centuries are left alone.
_YEAR = re.compile(
    r"(?<![\d.,$€£])(?:19|20)\d\d(?!,?\d)"
    r"(?! (?:dollars?|euros?|pounds?|usd|eur|people|persons?|employees|units|words|pages|points|"
    r"millions?|billions?|times|km|miles|met(?:er|re)s|kg|ton(?:ne)?s|hours|days|percent|%))",
    re.IGNORECASE,
)
_PERIOD = re.compile(r"FY\W?\d|Q[1-4]\b|H[12]\b|\d+$")
# What begins after one of these has its capital from there; a comma goes on.
_GOES_ON = (",", "&", "/", "(")
# Words of talking about an answer, with capitals of their own.
_TALKING = (
    "i i'm i’m i'd i've ok hi hello please thanks pdf pdfs faq ai llm english german french "
    "spanish italian chinese japanese"
)
OF_TALKING = frozenset(_TALKING.split())


def is_of_others(question: str, passages: Sequence[Passage]) -> bool:
    """Whether the passages have none of the names, or none of the years, that the question has.

    A name is as `names_in` has it; the title of a document has it too, and its abbreviation counts
    ("JnJ", "CEO" for "chief executive officer"). Terms of accounts ("EBITDA") are no names. False
    for a question without any, and in languages where capitals tell nothing.
    """
    if not passages:
        return False
    rewritten = rewrite(question)
    texts = "\n".join(passage.context for passage in passages)
    years = _YEAR.findall(rewritten.plain)
    if years and not any(year in texts or f"'{year[2:]}" in texts for year in years):
        return True
    if not capitals_tell_names(question):
        return False
    names = [name for name in names_in(rewritten.rest) if content_words(name)]
    there = frozenset(content_words(texts))
    if not names or any(there.issuperset(content_words(name)) for name in names):
        return False
    if any(naming(" ".join(names), {passage.title for passage in passages}).values()):
        return False
    return not any(_is_spelled_out(name, texts) for name in names)


def capitals_tell_names(text: str) -> bool:
    """Whether the text is English and not German, whose nouns have capitals too.

    Where no word tells the language, "Amazon's" does.
    """
    languages = languages_of(text)
    if languages[0] != DEFAULT_LANGUAGE:
        return False
    return "de" not in languages or any(match["possessive"] for match in _WORD.finditer(text))


def names_in(text: str) -> list[str]:
    """The words that look like names, in order.

    Those with a capital within a sentence, with two, or before "'s"; without words of talking, and
    periods such as FY2022.
    """
    found = []
    for match in _WORD.finditer(text):
        word = match.group().removesuffix(match["possessive"] or "")
        capitals = sum(char.isupper() for char in word)
        is_name = capitals >= 2 or (
            word[:1].isupper() and (not _begins(text, match.start()) or match["possessive"])
        )
        if is_name and not _PERIOD.match(word) and word.lower() not in OF_TALKING:
            found.append(word)
    return found


def _begins(text: str, at: int) -> bool:
    """Whether a sentence, a line, a quotation or an item of a list begins there."""
    before = text[max(0, at - 8) : at].rstrip(" \t")
    return not before or not (before[-1].isalnum() or before.endswith(_GOES_ON))


def _is_spelled_out(name: str, text: str) -> bool:
    """Whether the letters of an abbreviation begin words of the text one after the other."""
    letters = "".join(char for char in name if char.isalpha())
    if not letters.isupper():
        return False
    words = [word[0] for word in re.findall(r"[^\W\d_]+", text.lower())]
    return letters.lower() in "".join(words)
