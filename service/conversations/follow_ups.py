"""A follow-up made to stand alone by rule, where no model does it. Pure.

"And the year before?" after "What was the revenue of Acme in 2023?" asks for the revenue of Acme in
2022. What can be told from the words is carried over; where nothing tells that a question goes on
from the last one, it is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from service.conversations.past import PastTurn
from service.wording.names import OF_TALKING, capitals_tell_names, names_in
from service.wording.words import content_words

_CONNECTOR = re.compile(
    r"^\W*(?:(?:and|but|or|ok(?:ay)?|so|then)\b[\s,]*)*"
    r"(?:(?:what|how) about|and|but|same (?:question )?for|und|oder|aber|"
    r"(?:und )?(?:was ist|wie (?:ist|war|sieht) es) (?:mit|bei|in|für))\b[\s,]*|^\s*(?:那么?|还有)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_YEAR_RUN = re.compile(
    rf"{_YEAR.pattern}(?:\s*(?:,|and|und|or|oder|to|bis|&|-|–)\s*(?:and\s+|und\s+)?{_YEAR.pattern})*"
)
_BEFORE = re.compile(
    r"\b(?:(?:in |for |of )?the (?:year|one) (?:before(?: that)?|prior|earlier)"
    r"|(?:in |for |of )?the (?:previous|prior|preceding) (?:fiscal )?year"
    r"|(?:im |das )?(?:jahr (?:davor|zuvor)|vorjahr))\b|[前上]一?年",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\b(?:(?:in |for |of )?the year after(?: that)?"
    r"|(?:in |for |of )?the (?:next|following|subsequent) (?:fiscal )?year"
    r"|(?:im |das )?(?:jahr danach|folgejahr))\b|[后下]一?年",
    re.IGNORECASE,
)
_FILLER = re.compile(r"[年呢吗的]")
_POSSESSIVE = re.compile(
    r"\b(?:its|their|his|the (?:company|firm|organi[sz]ation)['’]s)\b|\bher(?=\s+[a-z])",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:(?-i:[Ii]t)(?!\s+(?:true|possible|allowed|necessary|correct|clear|important)\b)"
    r"|they|them|he|she|him|the (?:company|firm|organi[sz]ation))\b",
    re.IGNORECASE,
)
# What points back, and can stand for something else than the one whom the last question was about.
_POINTING = re.compile(
    r"\b(?:these|those|this|that(?=\s*[?.,]|\s+(?:year|period|number|figure|amount|change)\b)"
    r"|why(?=\s*[?.]*$)|(?-i:er|sie|ihre?[nmrs]?)|deren|dessen|davon|dort|damals|"
    r"(?:das|dem) unternehmen|dies(?:e[nmrs]?)?)\b|[它他她]们?|该公司|其(?!他)|呢\W*$",
    re.IGNORECASE,
)
# Beside names and times, an elliptical question has no other words than these.
_LINKING_WORDS = """
a an the in for of at by on from with to and or as well
im in am bei für von vom zu mit und der die das den dem
"""
_LINKING = frozenset(_LINKING_WORDS.split())


def stands_alone(question: str, past: Sequence[PastTurn]) -> str:
    """The question with what it leaves to the last turn; itself where it leaves nothing.

    Years are put in the place of years, names in the place of names ("and Globex?"), pronouns
    become the one that the last question was about, and what has no place stands behind in
    parentheses. Whom the last question did not name, the one document cited for it does.
    """
    if not past or not question.strip():
        return question
    last = past[-1]
    base = last.standalone_question
    rest = _CONNECTOR.sub("", question)
    if not any(char.isalnum() for char in rest):
        return base if base.strip() else question  # "And?"
    moved = _moved_year(rest, base, last.cited)
    if _is_elliptical(question, rest):
        return _put_into(base, rest, moved)
    is_pointing = any(one.search(rest) for one in (_POSSESSIVE, _PRONOUN, _POINTING))
    if rest == question and not is_pointing and moved is None:
        return question
    return _completed(rest, base, moved, last.cited)


def _is_elliptical(question: str, rest: str) -> bool:
    """Whether there is nothing in it but a year, a name, or a time before or after.

    A name alone, which may be any word at the beginning of a question, needs something before it.
    """
    plain = _without_times(rest)
    words = re.findall(r"[^\W\d_]+(?:['’&-][^\W\d_]+)*", plain)
    if any(word.lower() not in _LINKING and not _may_be_name(word) for word in words):
        return False
    names = [word for word in words if _may_be_name(word) and word.lower() not in _LINKING]
    has_time = plain != rest
    is_led = rest != question or (bool(words) and words[0].lower() in _LINKING)
    return has_time or (bool(names) and is_led)


def _may_be_name(word: str) -> bool:
    return word[0].isupper() and bool(content_words(word)) and word.lower() not in OF_TALKING


def _without_times(text: str) -> str:
    timeless = _AFTER.sub(" ", _BEFORE.sub(" ", _YEAR.sub(" ", text)))
    return _FILLER.sub(" ", timeless) if timeless != text else text


def _moved_year(rest: str, base: str, cited: Sequence[str]) -> str | None:
    """The year that "the year before" or "after" means; None where it is not said or not known."""
    step = -1 if _BEFORE.search(rest) else 1 if _AFTER.search(rest) else 0
    if not step:
        return None
    years = _YEAR.findall(base) or _YEAR.findall(" ".join(cited[:1]))
    return str(int(years[0 if step < 0 else -1]) + step) if years else None


def _put_into(base: str, rest: str, moved: str | None) -> str:
    """The last question with the year and the names that `rest` has instead of its own."""
    found = base
    left_over: list[str] = []
    years = [moved] if moved else _YEAR.findall(rest)
    if years:
        found = _with_years(found, years)
    elif match := _BEFORE.search(rest) or _AFTER.search(rest):
        left_over.append(match.group().strip())
    words = re.findall(r"[\w&.'’-]+", _without_times(rest))
    names = " ".join(word for word in words if content_words(word) or word == "&")
    names = names.removesuffix("'s").removesuffix("’s").rstrip(".")
    names = " ".join(word for word in names.split() if word.lower() not in _LINKING)
    if names:
        runs = _name_runs(base)
        if runs:
            found = re.sub(rf"(?<!\w){re.escape(runs[-1])}(?!\w)", lambda _: names, found)
        else:
            left_over.append(names)
    return _with_behind(found, left_over)


def _with_years(text: str, years: Sequence[str]) -> str:
    runs = list(_YEAR_RUN.finditer(text))
    if not runs:
        return _with_behind(text, years)
    start, end = runs[-1].span()
    return text[:start] + " and ".join(years) + text[end:]


def _completed(rest: str, base: str, moved: str | None, cited: Sequence[str]) -> str:
    """A question of its own, told whom and when it is about."""
    found = rest[:1].upper() + rest[1:]
    if moved:
        found = _AFTER.sub(f"in {moved}", _BEFORE.sub(f"in {moved}", found))
    behind: list[str] = []
    if not capitals_tell_names(base):
        # Who is a name cannot be told, but the last question has it.
        return _with_behind(found, [base])
    if not names_in(rest):
        behind += _about(base, cited)
    if len(behind) == 1:
        subject = behind[0]
        replaced = _POSSESSIVE.sub(lambda _: f"{subject}'s", found)
        replaced = _PRONOUN.sub(lambda _: subject, replaced)
        if replaced != found:
            found, behind = replaced, []
    years = _YEAR.findall(base)
    if len(years) == 1 and not _YEAR.search(found):
        behind += years
    return _with_behind(found, behind)


def _about(base: str, cited: Sequence[str]) -> list[str]:
    """Whom the last question was about: its names, else the one document that answered it."""
    runs = _name_runs(base)
    if not runs and len(cited) == 1:
        return [re.sub(r"[\W_]+", " ", PurePath(cited[0]).stem).strip()]
    return runs


def _name_runs(text: str) -> list[str]:
    """Names of several words in one: "Best Buy"; each once, in order.

    None where capitals do not tell names.
    """
    if not capitals_tell_names(text):
        return []
    names = set(names_in(text))
    runs: list[str] = []
    run: list[str] = []
    for word in [*re.findall(r"[\w&.'’-]+|[^\w\s]", text), ""]:
        bare = word.removesuffix("'s").removesuffix("’s").rstrip(".")
        if bare in names:
            run.append(bare)
        if run and (bare not in names or bare != word):
            runs.append(" ".join(run))
            run = []
    return list(dict.fromkeys(runs))


def _with_behind(text: str, parts: Sequence[str]) -> str:
    new = [part for part in parts if part and part not in text]
    return f"{text} ({', '.join(new)})" if new else text
