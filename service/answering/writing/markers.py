"""Citation markers in streamed text: found across piece boundaries, made-up ones dropped. Pure.

A marker is square brackets around one to three digits, or several such numbers or ranges with
commas between: `[1]`, `[2, 3]`, `[1-3]`; also as some models write it, `【1】` and `【1†source】`.
Anything else in brackets is text: `a[i]`, `[sic]`, `[2023]`, `[0-9]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"(?:[1-9]\d{0,2} ?[-–] ?\d{1,3}|\d{1,3})"
_WHOLE = re.compile(rf"[\[【] ?{_NUMBER}(?: ?[,;] ?{_NUMBER})*(?:†[^\[\]【】\n]*)? ?[\]】]")
# Every beginning of a marker matches, and little else: what it matches may still become one.
_BEGINNING = re.compile(r"[\[【][\d ,;–-]*(?:†[^\[\]【】\n]*)?")
_OPENING = re.compile(r"[\[【]")
_RANGE = re.compile(r"(\d+)(?: ?[-–] ?(\d+))?")
# The longest marker recognised; a model does not cite eight passages at once.
MAX_MARKER_CHARS = 64


@dataclass(frozen=True, slots=True)
class PlainText:
    """Characters of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Marker:
    """The valid passage numbers of one marker, in the order written, never empty."""

    numbers: tuple[int, ...]


class MarkerFilter:
    """Cuts a stream of text into `PlainText` and `Marker`.

    How the text is split into pieces does not change what comes out when neighbouring texts are
    joined. Holds back `MAX_MARKER_CHARS` + 1 characters at most, and only while they may become
    a marker. `passage_count`: numbers outside 1..passage_count are dropped, a marker without
    any valid number whole, together with one space before it.
    """

    def __init__(self, passage_count: int) -> None:
        self._passage_count = passage_count
        self._held = ""

    def feed(self, piece: str) -> Iterator[PlainText | Marker]:
        """Take the next piece; what is decided comes out, in order."""
        self._held += piece
        yield from self._decide(is_last=False)

    def finish(self) -> Iterator[PlainText | Marker]:
        """Give out what is still held back: no more text follows."""
        yield from self._decide(is_last=True)

    def _decide(self, *, is_last: bool) -> Iterator[PlainText | Marker]:
        text, at = self._held, 0
        ready: list[str] = []
        while (opening := _OPENING.search(text, at)) is not None:
            bracket = opening.start()
            whole = _WHOLE.match(text, bracket, bracket + MAX_MARKER_CHARS)
            if whole is None:
                if not is_last and self._may_become_marker(text, bracket):
                    break
                ready.append(text[at : bracket + 1])
                at = bracket + 1
                continue
            numbers = self._valid(whole.group())
            before = text[at:bracket]
            ready.append(before if numbers else before.removesuffix(" "))
            at = whole.end()
            if numbers:
                yield from _plain(ready)
                ready = []
                yield Marker(numbers)
        rest_from = len(text) if opening is None else opening.start()
        if not is_last and text[at:rest_from].endswith(" "):
            rest_from -= 1  # it goes too if a made-up marker follows
        ready.append(text[at:rest_from])
        self._held = text[rest_from:]
        yield from _plain(ready)

    def _may_become_marker(self, text: str, bracket: int) -> bool:
        return (
            len(text) - bracket < MAX_MARKER_CHARS
            and _BEGINNING.fullmatch(text, bracket) is not None
        )

    def _valid(self, marker: str) -> tuple[int, ...]:
        written = (
            number
            for first, last in _RANGE.findall(marker.partition("†")[0])
            for number in range(int(first), int(last or first) + 1)
        )
        kept = (number for number in written if 1 <= number <= self._passage_count)
        return tuple(dict.fromkeys(kept))


def _plain(parts: list[str]) -> Iterator[PlainText]:
    text = "".join(parts)
    if text:
        yield PlainText(text)
