"""Count text in the embedding's own tokens, so that no chunk is longer than what it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer


class TokenCounter(Protocol):
    """Where the tokens of a text are."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character span of each token, in order.

        End exclusive; without special tokens and without truncation; empty for blank text. Texts
        joined by white space have the tokens of their parts.
        """
        ...


class TokenizerFile:
    """The tokens of a Hugging Face `tokenizer.json`; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Read the file; its own truncation and padding are switched off."""
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the span of each token, as `TokenCounter` says."""
        encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        return [(start, end) for start, end in encoding.offsets]


def encodable(text: str) -> str:
    """Return the text with each half of a surrogate pair, which no tokenizer takes, as "?".

    JSON and broken PDFs may hold such halves; offsets stay what they are.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
