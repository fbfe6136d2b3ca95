"""Whether two sentences about the same thing say the opposite: not, and up or down. Pure.

Only words are seen: "denied that" or "hardly" are not.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _words(separated_by_spaces: str) -> frozenset[str]:
    return frozenset(separated_by_spaces.split())


# English, German, French and Spanish; Chinese has characters.
_NEGATIONS = _words(
    "no not never none neither nor cannot without nobody nothing nowhere "
    "nicht kein keine keinen keinem keiner keines nie niemals ohne niemand nichts "
    "pas jamais aucun aucune sans rien nunca ningún ninguna sin nada"
)
_CONTRACTED = ("n't", "n’t")
_CHINESE_NEGATION = re.compile(
    r"[没沒]有?|不(?![同仅僅但论論断斷])|未(?![来來])|无法|無法|并非|並非"
)
_UP = _words(
    "increase increased increases increasing rise rose risen rises rising grow grew grown grows "
    "growing growth up higher gain gains gained improve improved improves improving expanded "
    "raised above exceeded stieg gestiegen steigt wuchs gewachsen höher zunahm zugenommen"
)
_DOWN = _words(
    "decrease decreased decreases decreasing fall fell fallen falls falling decline declined "
    "declines declining shrink shrank shrunk drop dropped drops down lower loss losses worsened "
    "deteriorated contracted reduced below missed sank gesunken sinkt fiel gefallen niedriger "
    "abnahm abgenommen"
)


def contradict(one: str, other: str) -> bool:
    """Whether one is negated and the other is not, or one goes up and the other down.

    Meant for sentences that share most of their words; of others it says nothing.
    """
    return _is_negated(one) != _is_negated(other) or _direction(one) * _direction(other) < 0


def _is_negated(text: str) -> bool:
    words = _lower_words(text)
    return (
        not _NEGATIONS.isdisjoint(words)
        or any(word.endswith(_CONTRACTED) for word in words)
        or _CHINESE_NEGATION.search(text) is not None
    )


def _direction(text: str) -> int:
    """1 for up, -1 for down, 0 for both or neither."""
    words = _lower_words(text)
    return (not _UP.isdisjoint(words)) - (not _DOWN.isdisjoint(words))


def _lower_words(text: str) -> set[str]:
    return {match.group().lower() for match in _WORD.finditer(text)}
