"""What reasoning models think aloud, taken out of the stream of their text. Pure."""

from __future__ import annotations

import re

_OPEN = re.compile(r"<(think|thinking|reasoning|thought)>", re.IGNORECASE)
_TAGS = [
    f"<{slash}{name}>"
    for slash in ("", "/")
    for name in ("think", "thinking", "reasoning", "thought")
]


class ThinkingFilter:
    """Leaves `<think>...</think>` and its like out of a stream, whatever the pieces.

    Holds back no more than the beginning of a tag. A thought that never ends takes the rest of the
    text with it; a closing tag without an opening one is left out alone.
    """

    def __init__(self) -> None:
        self._held = ""
        self._closing: str | None = None  # the tag that ends the thought we are in

    def feed(self, piece: str) -> str:
        """Take the next piece; gives what is decided to be text."""
        self._held += piece
        return self._decide(is_last=False)

    def finish(self) -> str:
        """Give out what is still held back: no more text follows."""
        return self._decide(is_last=True)

    def _decide(self, *, is_last: bool) -> str:
        ready: list[str] = []
        while True:
            if self._closing is not None:
                end = self._held.lower().find(self._closing)
                if end < 0:
                    self._held = "" if is_last else self._held[-len(self._closing) :]
                    break
                self._held = self._held[end + len(self._closing) :]
                self._closing = None
            at = self._held.find("<")
            if at < 0:
                ready.append(self._held)
                self._held = ""
                break
            ready.append(self._held[:at])
            self._held = self._held[at:]
            if (opened := _OPEN.match(self._held)) is not None:
                self._closing = f"</{opened[1].lower()}>"
                self._held = self._held[opened.end() :]
            elif not is_last and any(tag.startswith(self._held.lower()) for tag in _TAGS):
                break
            else:
                closed = next((tag for tag in _TAGS if self._held.lower().startswith(tag)), "<")
                ready.append("<" if closed == "<" else "")
                self._held = self._held[len(closed) :]
        return "".join(ready)
