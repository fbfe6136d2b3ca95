"""`lectern doctor --repair`: what the reconciler of a server mends, now and without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

from corpus.deletion import DELETION_S, finish_deletions
from corpus.embedding.open import open_embedding
from corpus.index.open import open_node_store
from corpus.original_audit import audit_originals
from corpus.originals.open import opened_originals
from corpus.reconciliation import reconcile
from corpus.registry.fingerprints import check_fingerprints
from corpus.registry.installation import this_installation
from corpus.registry.strays import drop_jobs_of_nothing, queue_stranded
from corpus.settings import Settings
from lectern.commands.findings.finding import Finding
from lectern.server.data_dir import owned
from lectern.server.old_indexes import clear_expired
from lectern.server.opening import registry_to_work_with
from lectern.server.registered import RegisteredIndex


def repair(settings: Settings) -> Iterator[Finding]:
    """Mend both directions, and say what was. Documents that lack something are queued.

    Beside servers and workers where the stores are shared; else raises `DataDirInUse` while a
    server has the folder. Raises `EmbeddingMismatch`, `StoreOfAnother`, and the stores' errors.
    """
    with ExitStack() as opened:
        if not settings.stores_are_shared:
            opened.enter_context(owned(settings.data_dir))
        registry = opened.enter_context(closing(registry_to_work_with(settings)))
        installation = this_installation(registry)
        originals = opened.enter_context(opened_originals(settings, installation))
        embedding = open_embedding(settings, 1, "float32")
        fingerprint = embedding.fingerprint
        with registry.read() as connection:
            check_fingerprints(connection, fingerprint.as_json())
        registered = RegisteredIndex(registry, fingerprint)
        store = open_node_store(
            settings, fingerprint.short, embedding.dimension, installation, registered
        )
        opened.enter_context(closing(store))
        for_s = DELETION_S if settings.stores_are_shared else 0.0
        ended = finish_deletions(registry, originals, store, for_s=for_s)
        with registry.write() as connection:
            lost, stranded = drop_jobs_of_nothing(connection), queue_stranded(connection)
        strays = audit_originals(registry, originals, unknown_too=True).removed
        cleared = clear_expired(settings, registry)
        counts = {
            "deletions that were interrupted ended": ended,
            "jobs of nothing removed": lost,
            "documents without a job queued": len(stranded),
            "originals of no document removed": len(strays),
            "indexes that are not wanted any more cleared away": len(cleared),
        }
        nodes = reconcile(registry, store)
        counts["documents' forgotten passages removed"] = len(nodes.orphans_removed)
        counts["documents' outdated passages removed"] = len(nodes.leftovers_removed)
        counts["documents that lack passages queued"] = len(nodes.queued_again)
        done = [f"{count} {what}" for what, count in counts.items() if count]
        yield Finding("ok", "repaired", "; ".join(done) or "nothing was to be mended")
