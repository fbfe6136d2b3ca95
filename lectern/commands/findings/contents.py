"""Originals and nodes: whether they can be reached, and agree with the registry both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import open_embedding
from corpus.errors import LecternError
from corpus.index.open import open_node_store
from corpus.original_audit import survey_originals
from corpus.originals.open import check_originals, opened_originals
from corpus.reconciliation import NodeCounts, survey_nodes
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import check_fingerprints, stored_fingerprint
from corpus.registry.migrations import HEAD, stored_revision
from corpus.settings import Settings
from lectern.commands.findings.finding import Finding, broken_by
from lectern.server.data_dir import is_held, owned
from lectern.server.gate import through_the_gate
from lectern.server.stores import REGISTRY_FILE, existing_registry

NAMED = 3
REPAIR = "`lectern doctor --repair`, or a running server within the hour, mends it."
# On a server, no hourly comparison: another registry may have nodes there too.
REPAIR_SHARED = "`lectern doctor --repair` has them read again, also while servers run."
REPAIR_ALONE = "Stop the server, and `lectern doctor --repair` has them read again."


def originals_reached(settings: Settings) -> Finding:
    """Where they are, and whether that answers."""
    try:
        return Finding("ok", "originals", check_originals(settings))
    except LecternError as error:
        return broken_by("originals", error)


def agreement(settings: Settings) -> Iterator[Finding]:
    """Registry against embedding, originals and index; nothing where one cannot be opened."""
    if settings.database_url is None and not (settings.data_dir / REGISTRY_FILE).exists():
        return
    with ExitStack() as opened:
        try:
            registry = opened.enter_context(existing_registry(settings))
            with registry.read() as connection:
                if stored_revision(connection) != HEAD:
                    return
        except LecternError:
            return  # has its own finding
        for look in (_embedded_as, _originals, _nodes):
            try:
                yield from look(settings, registry)
            except LecternError as error:
                yield broken_by("  compared", error)


def _embedded_as(settings: Settings, registry: Registry) -> Iterator[Finding]:
    """Only an error has something to say."""
    with registry.read() as connection:
        if stored_fingerprint(connection) is None:
            return
        yield from ()
        configured = open_embedding(settings, 1, "float32").fingerprint
        check_fingerprints(connection, configured.as_json())


def _originals(settings: Settings, registry: Registry) -> Iterator[Finding]:
    with opened_originals(settings, is_checked=False) as originals:
        found = survey_originals(registry, originals)
    if found.missing:
        text = f"{len(found.missing)} originals are missing: {_some(found.missing)}"
        hint = "Their documents answer; restore them from a backup, or upload those files again."
        yield Finding("broken", "  originals", text, hint)
    if found.removed:
        text = f"{len(found.removed)} originals belong to no document"
        yield Finding("note", "  originals", text, REPAIR)


def _nodes(settings: Settings, registry: Registry) -> Iterator[Finding]:
    with registry.read() as connection:
        fingerprint = stored_fingerprint(connection)
    if fingerprint is None:
        return
    with ExitStack() as opened:
        store: NodeCounts
        if not settings.index_is_shared and is_held(settings.data_dir):
            store = opened.enter_context(through_the_gate(settings.data_dir, fingerprint))
        else:
            if not settings.index_is_shared:
                opened.enter_context(owned(settings.data_dir))
            embedded_as = EmbeddingFingerprint(**fingerprint)
            index = open_node_store(settings, embedded_as.short, embedded_as.dimension)
            opened.callback(index.close)
            store = index
        found = survey_nodes(registry, store)
    if found.unknown:
        text = f"the index has passages of {len(found.unknown)} documents that are not registered"
        hint = "Answers do not use them. "
        hint += "Another registry may own them." if settings.index_is_shared else REPAIR
        yield Finding("note", "  index", text, hint)
    if found.differing:
        text = (
            f"{len(found.differing)} documents have not as many passages in the index as they "
            f"should: {_some(found.differing)}"
        )
        yield Finding("broken", "  index", text, _way_to_read_again(settings))
    if not (found.unknown or found.differing):
        yield Finding("ok", "  compared", "registry and index agree")


def _way_to_read_again(settings: Settings) -> str:
    if not settings.index_is_shared:
        return f"They are read again: {REPAIR}"
    return REPAIR_SHARED if settings.stores_are_shared else REPAIR_ALONE


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
