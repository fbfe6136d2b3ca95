"""The bucket and the Qdrant server that a restore fills: whose they are, and what is left there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from corpus.embedding.open import open_embedding
from corpus.errors import IndexUnavailable, Misconfigured, StoreOfAnother
from corpus.index.open import open_server_store
from corpus.originals.open import bucket_ownership, opened_originals
from corpus.ownership import Installation
from corpus.reconciliation import keep_only
from corpus.registry.audit import Expected
from corpus.registry.installation import installation_of
from corpus.settings import Settings
from lectern.server.old_indexes import LeftText, clear_left_text, text_in_others
from lectern.server.stores import existing_registry

if TYPE_CHECKING:
    from corpus.index.server.store import ServerVectorStore

_FORCE_HINT = (
    "It may be that of a service in use, or what an interrupted restore left. Unset it, or name "
    "another prefix or server; lectern restore --force makes it this registry's. Nothing was "
    "changed."
)


def require_no_content(settings: Settings, installation_id: str | None) -> None:
    """Refuse a bucket or Qdrant server that has another registry's content.

    Served with this registry, what it does not know would be removed there. What is marked as its
    own may be of a restore that did not come to its end.
    """
    ours = knowing_nothing(installation_id or "none")
    if (bucket := bucket_ownership(settings, ours)) is not None:
        with opened_originals(settings) as originals:
            has_content = next(iter(originals.kept()), None) is not None
            if has_content and bucket.anothers() is not None:
                raise _anothers("The bucket of BLOB_URL")
    if settings.qdrant_url is not None:
        with (
            closing(_server_store(settings, settings.qdrant_url, ours)) as store,
            closing(_server_store(settings, settings.qdrant_url, None)) as reader,
        ):
            if store.collection.anothers() is not None and reader.count() > 0:
                raise _anothers("The Qdrant server of QDRANT_URL")


def knowing_nothing(installation_id: str) -> Installation:
    """The installation of this id, to which nothing in a store without a mark belongs."""
    return Installation(
        installation_id, knows_originals=lambda _: False, knows_documents=lambda _: False
    )


def _anothers(what: str) -> Misconfigured:
    detail = f"{what} has content, and the registry that it is to go with has none."
    return Misconfigured(detail, hint=_FORCE_HINT)


def make_own(settings: Settings, installation_id: str, *, has_content: bool, force: bool) -> None:
    """Mark them as the installation's, if they are nobody's and its registry knows what is there.

    With `force`, a registry without content takes them over, whoever's they are. Raises
    `StoreOfAnother`, and what the stores raise when they are away.
    """
    if has_content:
        with existing_registry(settings) as registry:
            _make_own(settings, installation_of(registry, installation_id), by_force=False)
        return
    try:
        _make_own(settings, knowing_nothing(installation_id), by_force=force)
    except StoreOfAnother as error:
        raise StoreOfAnother(error.detail, hint=_FORCE_HINT) from error


def _make_own(settings: Settings, installation: Installation, *, by_force: bool) -> None:
    if (bucket := bucket_ownership(settings, installation)) is not None:
        bucket.take_over() if by_force else bucket.require()
    if settings.qdrant_url is not None:
        with closing(_server_store(settings, settings.qdrant_url, installation)) as store:
            store.collection.take_over() if by_force else store.prepare()


def text_to_remove(settings: Settings, *, has_content: bool) -> LeftText:
    """What the registry has on the Qdrant server where the restored one will not look for it."""
    if not has_content or settings.qdrant_url is None:
        return LeftText()
    current = open_embedding(settings, 1, "float32").fingerprint.short
    with existing_registry(settings) as registry:
        return text_in_others(registry, current)


def remove_text_of_before(
    settings: Settings,
    installation: Installation,
    left: LeftText,
    expected: Mapping[str, Expected],
) -> None:
    """Remove from the Qdrant server what was there before and is not of the restored registry.

    `left` is in other collections; in the restored registry's own is what is `expected`.
    """
    if settings.qdrant_url is None:
        return
    again = "Before anything is started, run the same command again, with --force."
    with _told_that_all_is_restored(f"{_deleting(left)}{again}"):
        clear_left_text(settings, left, owner=installation.id)
    with (
        closing(_server_store(settings, settings.qdrant_url, installation)) as store,
        _told_that_all_is_restored(again),
    ):
        keep_only(store, expected)


def _deleting(left: LeftText) -> str:
    """The restored registry does not know these, so the same command again cannot either."""
    if not left.names:
        return ""
    names = ", ".join(f"lectern-{name}" for name in sorted(left.names))
    return f"Delete the collections that held what was embedded otherwise: {names}. "


@contextmanager
def _told_that_all_is_restored(hint: str) -> Iterator[None]:
    try:
        yield
    except IndexUnavailable as error:
        raise IndexUnavailable(
            f"All is restored, but passages of before are left in the index: {error.detail}",
            hint=hint,
        ) from error


def _server_store(
    settings: Settings, url: str, installation: Installation | None
) -> ServerVectorStore:
    embedding = open_embedding(settings, 1, "float32")
    return open_server_store(
        settings, url, embedding.fingerprint.short, embedding.dimension, installation=installation
    )
