"""Names in a question or a sentence, by their capitals. Pure."""

from __future__ import annotations

import re

from corpus.index.languages import DEFAULT_LANGUAGE, languages_of

# Latin letters only: other scripts have no capitals, or the words are not parted.
_WORD = re.compile(
    r"[0-9A-Za-z\u00c0-\u024f]+(?:[.&'’-][0-9A-Za-z\u00c0-\u024f]+)*?(?P<possessive>['’]s)?"
    r"(?![0-9A-Za-z\u00c0-\u024f]|[.&'’-][0-9A-Za-z\u00c0-\u024f])"
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
