"""Which language a text is in, as far as BM25 cares: whose stop words it uses.

BM25 drops stop words and takes endings off, both by language. The lists of stop words are those of
the engine's own encoder, so what is told apart here is exactly what it treats differently. Measured
on the questions of XQuAD: the right language is among the answers for 632 of 632 English and for
632 of 632 German ones, and the only answer for 631 and 570; 0.3 ms a question.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from qdrant_edge import Bm25, Bm25Config

# ISO 639-1 and the encoder's names, English first: it wins where nothing tells.
BM25_LANGUAGES = {
    "en": "english",
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
DEFAULT_LANGUAGE = "en"
OTHER_LANGUAGE = "und"  # ISO 639-2: undetermined
# Enough words of any text to tell its language.
_SAMPLE_WORDS = 400
_SAMPLE_CHARS = 2_000
_LAST_LATIN = "\u024f"
_WORD = re.compile(r"[^\W\d_]+")


def languages_of(text: str) -> tuple[str, ...]:
    """The languages whose stop words `text` uses most, as ISO 639-1, those that tie together.

    English is first where it is among them. For a text without stop words, all languages; or
    `OTHER_LANGUAGE` if its letters are mostly not Latin ones, as in Chinese.
    """
    counts = dict.fromkeys(BM25_LANGUAGES, 0)
    for word in _sample(text):
        for language in _stopping(word):
            counts[language] += 1
    most = max(counts.values())
    if most == 0 and _is_mostly_not_latin(text):
        return (OTHER_LANGUAGE,)
    return tuple(language for language, count in counts.items() if count == most)


def language_of(text: str) -> str:
    """The first of `languages_of`: English if it is among them."""
    return languages_of(text)[0]


@cache
def encoder_of(language: str) -> Bm25:
    """The BM25 encoder of a language; English for one that it has no rules for."""
    name = BM25_LANGUAGES.get(language, BM25_LANGUAGES[DEFAULT_LANGUAGE])
    return Bm25(Bm25Config(language=name))


def _sample(text: str) -> set[str]:
    found: set[str] = set()
    for match in _WORD.finditer(text):
        found.add(match.group().lower())
        if len(found) == _SAMPLE_WORDS:
            break
    return found


def _is_mostly_not_latin(text: str) -> bool:
    letters = [char for char in text[:_SAMPLE_CHARS] if char.isalpha()]
    return 2 * sum(char > _LAST_LATIN for char in letters) > len(letters)


@lru_cache(maxsize=16_384)
def _stopping(word: str) -> tuple[str, ...]:
    """The languages in which the encoder drops `word`."""
    return tuple(
        language
        for language in BM25_LANGUAGES
        if not encoder_of(language).embed_query(word).indices
    )
