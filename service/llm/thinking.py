"""What reasoning models think aloud, taken out of the stream of their text. Pure."""

from __future__ import annotations

import re

_NAMES = ("think", "thinking", "reasoning", "thought")
_TAG = re.compile(rf"<(?P<slash>/?)(?P<name>{'|'.join(_NAMES)})>", re.IGNORECASE)
_TAGS = [f"<{slash}{name}>" for slash in ("", "/") for name in _NAMES]
_LONGEST_TAG_CHARS = max(map(len, _TAGS))
_END_OF = {name: re.compile(f"</{name}>", re.IGNORECASE) for name in _NAMES}


class ThinkingFilter:
    """Leaves `<think>...</think>` and its like out of a stream, whatever the pieces.

    Holds back no more than the beginning of a tag. A thought that never ends takes the rest of the
    text with it; a closing tag without an opening one is left out alone. Linear in the text.
    """

    def __init__(self) -> None:
        self._held = ""
        self._end: re.Pattern[str] | None = None  # of the thought we are in

    def feed(self, piece: str) -> str:
        """Take the next piece; gives what is decided to be text."""
        self._held += piece
        return self._decide(is_last=False)

    def finish(self) -> str:
        """Give out what is still held back: no more text follows."""
        return self._decide(is_last=True)

    def _decide(self, *, is_last: bool) -> str:
        text, at = self._held, 0
        ready: list[str] = []
        while at < len(text):
            if self._end is not None:
                ended = self._end.search(text, at)
                if ended is None:
                    at = len(text) if is_last else max(at, len(text) - _LONGEST_TAG_CHARS)
                    break
                at, self._end = ended.end(), None
                continue
            bracket = text.find("<", at)
            if bracket < 0:
                ready.append(text[at:])
                at = len(text)
                break
            ready.append(text[at:bracket])
            at = bracket
            if (tag := _TAG.match(text, at)) is not None:
                self._end = None if tag["slash"] else _END_OF[tag["name"].lower()]
                at = tag.end()
            elif not is_last and _may_become_tag(text[at : at + _LONGEST_TAG_CHARS]):
                break
            else:
                ready.append("<")
                at += 1
        self._held = text[at:]
        return "".join(ready)


def _may_become_tag(beginning: str) -> bool:
    lower = beginning.lower()
    return any(tag.startswith(lower) for tag in _TAGS)
