"""Whom and when a question is about, and whether passages speak of them at all. Pure.

A question about Amazon's revenue has its best match in Best Buy's report when that is all there
is: closeness and shared words do not see that the one name that matters is missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpus.index.languages import languages_of
from service.answering.passages import Passage
from service.answering.words import content_words
from service.retrieval.naming import naming
from service.retrieval.rewriting import rewrite

_WORD = re.compile(r"[^\W_]+(?:[.&-][^\W_]+)*(?P<possessive>['’]s\b)?")
_YEAR = re.compile(r"(?<![\d.,])(?:1\d|20)\d\d(?![\d,])")
_PERIOD = re.compile(r"FY\W?\d|Q[1-4]\b|H[12]\b|\d+$")
_SENTENCE_ENDS = (".", "?", "!", ":")
# Where every noun has a capital, or none has one, capitals tell no names.
_WITHOUT_NAME_CAPITALS = frozenset({"de", "und"})


def is_of_others(question: str, passages: Sequence[Passage]) -> bool:
    """Whether the passages have none of the names, or none of the years, that the question has.

    A name is a word with a capital within a sentence, or with two, or before "'s"; a document's
    title has it too, and its abbreviation counts ("JnJ"). Terms of accounts ("EBITDA") are no
    names. False for a question without any, and in languages where capitals tell nothing.
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
    names = [frozenset(content_words(name)) for name in names_in(rewritten.rest)]
    there = frozenset(content_words(texts))
    if not any(names) or any(name and name <= there for name in names):
        return False
    return not any(naming(question, {passage.title for passage in passages}).values())


def capitals_tell_names(text: str) -> bool:
    """Whether the language of the text gives capitals to names only (German does not)."""
    return _WITHOUT_NAME_CAPITALS.isdisjoint(languages_of(text)[:1])


def names_in(text: str) -> list[str]:
    """The words that look like names, in order."""
    found = []
    for match in _WORD.finditer(text):
        word = match.group().removesuffix(match["possessive"] or "")
        before = text[: match.start()].rstrip()
        begins = not before or before.endswith(_SENTENCE_ENDS)
        capitals = sum(char.isupper() for char in word)
        is_name = capitals >= 2 or (word[0].isupper() and (not begins or match["possessive"]))
        if is_name and not _PERIOD.match(word):
            found.append(word)
    return found
