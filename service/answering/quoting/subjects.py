"""Whom and when a question is about, and whether passages speak of them at all. Pure.

A question about Amazon's revenue has its best match in Best Buy's report when that is all there
is: closeness and shared words do not see that the one name that matters is missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.answering.passages import Passage
from service.wording.names import capitals_tell_names, names_in
from service.wording.naming import naming
from service.wording.rewriting import rewrite
from service.wording.words import content_words

# "2000 dollars", "1,999" and "in 1500 words" are no years; earlier centuries are left alone.
_YEAR = re.compile(
    r"(?<![\d.,$€£])(?:19|20)\d\d(?!,?\d)"
    r"(?! (?:dollars?|euros?|pounds?|usd|eur|people|persons?|employees|units|words|pages|points|"
    r"millions?|billions?|times|km|miles|met(?:er|re)s|kg|ton(?:ne)?s|hours|days|percent|%))",
    re.IGNORECASE,
)


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


def _is_spelled_out(name: str, text: str) -> bool:
    """Whether the letters of an abbreviation begin words of the text one after the other."""
    letters = "".join(char for char in name if char.isalpha())
    if not letters.isupper():
        return False
    words = [word[0] for word in re.findall(r"[^\W\d_]+", text.lower())]
    return letters.lower() in "".join(words)
