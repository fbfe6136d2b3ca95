"""Whether what an answer or a search says is in the documents that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bench.chaos.ledger import Account

_SENTENCE = re.compile(r"The (zx[0-9a-f]{12}) station recorded (\d+) units of (\w+) on day (\d+)\.")
_MARKER = re.compile(r"zx[0-9a-f]{12}")


def passages_of(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(document id, words) of each citation of /chat, or each hit of /search."""
    quoted = [(one["document_id"], one["quote"]) for one in said.get("citations", ())]
    return quoted + [(one["document_id"], one["text"]) for one in said.get("hits", ())]


def untrue(said: Mapping[str, Any], accounts: Iterable[Account]) -> Iterator[str]:
    """What is said of a client's documents that no possible state of them says, a sentence each.

    Only words of documents that are in the accounts are looked at. A version that was replaced may
    be quoted until the next one is ready; a document that is gone may not.
    """
    by_marker = {text.marker: (account, text) for account in accounts for text in account.sent}
    for document_id, words in passages_of(said):
        for marker in set(_MARKER.findall(words)):
            if marker not in by_marker:
                continue
            account, _ = by_marker[marker]
            if account.possible == {None}:
                yield f"{marker} of {document_id} is quoted, and its deletion was acknowledged"
            if account.settled and account.document_id != document_id:
                yield f"{marker} is quoted from {document_id}, and is of {account.document_id}"
        for match in _SENTENCE.finditer(words):
            known = by_marker.get(match[1])
            if known is not None and match[0] not in known[1].lines:
                yield f"no document says {match[0]!r}"


def markers_in(said: Mapping[str, Any], streamed: Sequence[str] = ()) -> set[str]:
    """All markers in what is answered, quoted or found."""
    words = [str(said.get("answer", "")), *(words for _, words in passages_of(said)), *streamed]
    return set(_MARKER.findall(" ".join(words)))
