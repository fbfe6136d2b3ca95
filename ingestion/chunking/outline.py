"""Where in a document we are: its title and the headings above, short enough to repeat."""

from __future__ import annotations

import re
from pathlib import PurePath

from corpus.embedding.tokens import TokenCounter

_PATH_JOIN = " > "
_WORD = re.compile(r"[^\W_]+")
# Underscores, and hyphens after a letter: the ones in dates and in "10-K" mean something.
_NAME_GAPS = re.compile(r"[\s_]+|(?<=[^\W\d_])-")


def readable_title(stated: str | None, filename: str) -> str:
    """The file name as words, and the document's own title where it says more.

    "3M_2022.pdf" is "3M 2022"; with the title "Annual Report", "3M 2022: Annual Report". Titles
    stated inside of files are often those of a template, names are what people look for.
    """
    name = " ".join(_NAME_GAPS.sub(" ", PurePath(filename).stem).split()) or filename
    own = " ".join((stated or "").split())
    named, stated_words = (set(_WORD.findall(text.casefold())) for text in (name, own))
    if stated_words <= named:
        return name
    return own if named <= stated_words else f"{name}: {own}"


class Outline:
    """The title and the stack of open headings, cut to `limit_tokens` together.

    When they do not fit, the outermost headings go first, then the ends of the title and of the
    innermost heading: those say most about the text below.
    """

    def __init__(self, title: str, tokens: TokenCounter, limit_tokens: int) -> None:
        self._tokens = tokens
        self.title, title_tokens = self._cut(title, limit_tokens // 2)
        self._path_limit_tokens = limit_tokens - title_tokens
        self._title_tokens = title_tokens
        self._open: list[tuple[int, str, int]] = []
        self._describe()

    def leave(self, level: int) -> None:
        """Close the headings of `level` and deeper, as one more of `level` is met."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._describe()

    def enter(self, level: int, heading: str) -> None:
        """Open a heading below those that are open; `leave(level)` comes first."""
        text, size_tokens = self._cut(" ".join(heading.split()), self._path_limit_tokens)
        if text:
            self._open.append((level, text, size_tokens))
            self._describe()

    def _describe(self) -> None:
        """Set `heading_path` and the tokens of title and path."""
        shown: list[str] = []
        path_tokens = 0
        for _, text, size_tokens in reversed(self._open):
            longer = path_tokens + size_tokens + bool(shown)  # the mark between two is a token
            if longer > self._path_limit_tokens:
                break
            shown.append(text)
            path_tokens = longer
        self.heading_path = _PATH_JOIN.join(reversed(shown))
        self.context_tokens = self._title_tokens + path_tokens

    def _cut(self, text: str, limit_tokens: int) -> tuple[str, int]:
        offsets = self._tokens.offsets(text)
        if len(offsets) <= limit_tokens:
            return text, len(offsets)
        return (text[: offsets[limit_tokens - 1][1]], limit_tokens) if limit_tokens else ("", 0)
