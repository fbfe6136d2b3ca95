"""Errors as a model reads them: the code, what happened, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from corpus import errors
from corpus.errors import LecternError

# Where the usual hint names an HTTP address, a tool is what helps here.
_HINTS: Mapping[type[LecternError], str] = {
    errors.InvalidRequest: "Correct the arguments; the tool's input schema describes them.",
    errors.DocumentNotFound: "list_documents lists the documents there are.",
    errors.CollectionNotFound: "list_documents without a collection says which there are.",
}


def error_text(error: LecternError) -> str:
    """Code, detail and hint; it can always be encoded."""
    hint = error.hint
    if hint == error.default_hint:
        hint = _HINTS.get(type(error), hint)
    # What the caller sent may be quoted in it, and JSON's \ud800 is no character.
    detail = error.detail.encode(errors="backslashreplace").decode()
    return f"{error.code}: {detail}\n{hint}"
