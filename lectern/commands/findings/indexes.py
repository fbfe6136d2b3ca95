"""Indexes beside the one that answers: what a reindex began, or left."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from corpus.registry.indexes import KEPT, IndexState, KnownIndex, known_indexes
from lectern.commands.findings.finding import Finding

_GO_ON = "`lectern reindex` with the settings of it goes on where it ended."
_SWITCH = "Restart the server with the settings of it: it switches."


def other_indexes(connection: Connection) -> Iterator[Finding]:
    """One for each that may still hold text of documents."""
    for one in known_indexes(connection):
        if one.state is not IndexState.CURRENT:
            yield _told(one)


def _told(one: KnownIndex) -> Finding:
    model = one.fingerprint.get("model")
    ends = f"Else it is cleared away from {one.seen_at + KEPT:%Y-%m-%d %H:%M} UTC on."
    if one.is_expired:
        hint = "A running server clears it away within the hour, or `lectern doctor --repair`."
        return Finding("note", "  reindex", f"an index by {model} is not wanted any more", hint)
    if one.is_at_work:
        return Finding("ok", "  reindex", f"an index by {model} is being built")
    if one.state is IndexState.BUILDING:
        said = f"an index by {model} was begun {one.began_at:%Y-%m-%d}, and is not finished"
        return Finding("note", "  reindex", said, f"{_GO_ON} {ends}")
    if one.state is IndexState.BUILT:
        said = f"an index by {model} is built, and waits for the switch"
        return Finding("note", "  reindex", said, f"{_SWITCH} {ends}")
    said = f"the index by {model}, which was left, is kept until {one.seen_at + KEPT:%Y-%m-%d}"
    return Finding("ok", "  reindex", said)
