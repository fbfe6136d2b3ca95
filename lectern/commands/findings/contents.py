"""Originals and nodes: whether they can be reached, and agree with the registry both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import open_embedding
from corpus.errors import LecternError, Misconfigured, StoreOfAnother
from corpus.index.open import open_node_store, open_server_store
from corpus.original_audit import survey_originals
from corpus.originals.open import (
    bucket_ownership,
    check_originals,
    opened_originals,
    originals_stay_as_versions,
)
from corpus.ownership import Installation
from corpus.reconciliation import NodeCounts, survey_nodes
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import check_fingerprints, stored_fingerprint
from corpus.registry.installation import (
    installation_of,
    new_installation_id,
    stored_installation_id,
)
from corpus.registry.migrations import HEAD, stored_revision
from corpus.settings import Settings
from lectern.commands.findings.finding import Finding, broken_by
from lectern.server.data_dir import is_held, owned
from lectern.server.gate import through_the_gate
from lectern.server.opening import require_no_lost_registry
from lectern.server.stores import REGISTRY_FILE, existing_registry

NAMED = 3
VERSIONS = (
    "Let a lifecycle rule remove older versions (NoncurrentVersionExpiration, NoncurrentDays 1), "
    "or suspend versioning and remove those that there are."
)
REPAIR = "`lectern doctor --repair`, or a running server within the hour, mends it."
# On a server, no hourly comparison: it is of everything, and by each replica.
REPAIR_SHARED = "`lectern doctor --repair` mends it, also while servers run."
REPAIR_ALONE = "Stop the server, and `lectern doctor --repair` mends it."


def originals_reached(settings: Settings) -> Iterator[Finding]:
    """Where they are, and whether that answers."""
    try:
        yield Finding("ok", "originals", check_originals(settings))
        if originals_stay_as_versions(settings):
            text = "the bucket keeps versions: what is deleted stays there as an older one"
            yield Finding("note", "  originals", text, VERSIONS)
    except LecternError as error:
        yield broken_by("originals", error)


def agreement(settings: Settings) -> Iterator[Finding]:
    """Registry against embedding, originals and index; nothing where one cannot be opened."""
    try:
        require_no_lost_registry(settings)
    except Misconfigured as error:
        yield broken_by("  registry", error)
        return
    except LecternError:
        return  # has its own finding
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
    ownership = bucket_ownership(settings, _as_it_is(registry))
    if ownership is not None and (anothers := ownership.anothers()) is not None:
        yield broken_by("  originals", anothers)
        return
    with opened_originals(settings, is_checked=False) as originals:
        found = survey_originals(registry, originals)
    if found.missing:
        text = f"{len(found.missing)} originals are missing: {_some(found.missing)}"
        hint = "Their documents answer; restore them from a backup, or upload those files again."
        yield Finding("broken", "  originals", text, hint)
    if found.unknown:
        text = f"{len(found.unknown)} originals belong to no document: {_some(found.unknown)}"
        yield Finding("note", "  originals", text, _of_unknown(settings))


def _of_unknown(settings: Settings) -> str:
    if settings.originals_are_ours:
        return REPAIR
    return (
        "Servers remove what they know to be left over, and only that: after a database was put "
        "back to an earlier time, these may be files that were added since. If nobody misses "
        "them, `lectern doctor --repair` removes them."
    )


def _nodes(settings: Settings, registry: Registry) -> Iterator[Finding]:
    with registry.read() as connection:
        fingerprint = stored_fingerprint(connection)
    if fingerprint is None:
        return
    embedded_as = EmbeddingFingerprint(**fingerprint)
    if (anothers := _index_of_another(settings, registry, embedded_as)) is not None:
        yield broken_by("  index", anothers)
        return
    with ExitStack() as opened:
        store: NodeCounts
        if not settings.index_is_shared and is_held(settings.data_dir):
            store = opened.enter_context(through_the_gate(settings.data_dir, fingerprint))
        else:
            if not settings.index_is_shared:
                opened.enter_context(owned(settings.data_dir))
            index = open_node_store(settings, embedded_as.short, embedded_as.dimension)
            opened.callback(index.close)
            store = index
        found = survey_nodes(registry, store)
    if found.unknown:
        text = f"the index has passages of {len(found.unknown)} documents that are not registered"
        hint = f"Answers do not use them. {_way_to_repair(settings)}"
        yield Finding("note", "  index", text, hint)
    if found.differing:
        text = (
            f"{len(found.differing)} documents have not as many passages in the index as they "
            f"should: {_some(found.differing)}"
        )
        yield Finding("broken", "  index", text, f"They are read again: {_way_to_repair(settings)}")
    if not (found.unknown or found.differing):
        yield Finding("ok", "  compared", "registry and index agree")


def _way_to_repair(settings: Settings) -> str:
    if not settings.index_is_shared:
        return REPAIR
    return REPAIR_SHARED if settings.stores_are_shared else REPAIR_ALONE


def _index_of_another(
    settings: Settings, registry: Registry, embedded_as: EmbeddingFingerprint
) -> StoreOfAnother | None:
    if settings.qdrant_url is None:
        return None
    store = open_server_store(
        settings,
        settings.qdrant_url,
        embedded_as.short,
        embedded_as.dimension,
        installation=_as_it_is(registry),
    )
    with closing(store):
        return store.collection.anothers()


def _as_it_is(registry: Registry) -> Installation:
    """Before a first start one whose id nobody has."""
    with registry.read() as connection:
        stored = stored_installation_id(connection)
    return installation_of(registry, stored or new_installation_id())


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
