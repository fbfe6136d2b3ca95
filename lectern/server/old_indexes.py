"""Clearing away indexes that a reindex began and nobody finished, or that it left behind.

`current` is the name of the index that answers, or that this process is to open.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import inspect

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.errors import Misconfigured
from corpus.index.open import (
    clear_server_index,
    folder_beside,
    other_edge_folders,
    remove_edge_folder,
)
from corpus.registry.audit import document_ids
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import stored_fingerprint
from corpus.registry.indexes import (
    IndexState,
    KnownIndex,
    forget_index,
    give_up,
    known_indexes,
)
from corpus.registry.installation import this_installation
from corpus.registry.schema import indexes
from corpus.settings import Settings

_BEGUN = frozenset({IndexState.BUILDING, IndexState.BUILT, IndexState.GIVEN_UP})


def clear_expired(settings: Settings, registry: Registry) -> list[str]:
    """Clear away what was given up, or kept long enough; their names. Errors as of the stores."""
    with registry.read() as connection:
        stored = stored_fingerprint(connection)
    if stored is None:
        return []
    current = EmbeddingFingerprint(**stored).short
    expired = [one for one in _others(registry, current) if one.is_expired]
    for one in expired:
        _clear(settings, registry, one, current)
    return [one.name for one in expired]


def clear_for(settings: Settings, registry: Registry, name: str, current: str) -> None:
    """Clear away what others began, so that the index of this name can be built.

    `Misconfigured` while a process seems to be at work on another one.
    """
    begun = [one for one in _others(registry, current) if one.name != name and one.state in _BEGUN]
    for one in begun:
        if one.is_at_work:
            raise Misconfigured(
                f"Another reindex is at work, to embed by {one.fingerprint.get('model')}.",
                hint="Let it end; one that was killed is taken for dead after ten minutes.",
            )
    for one in begun:
        _clear(settings, registry, one, current)


@dataclass(frozen=True, slots=True)
class LeftText:
    """Indexes on the server, by name, and the documents whose text may be in them."""

    names: frozenset[str] = frozenset()
    document_ids: frozenset[str] = frozenset()


def text_in_others(registry: Registry, current: str) -> LeftText:
    """In all indexes of the registry but `current`: that of a reindex, or that answers till now.

    To be asked before the registry forgets them, of whatever revision it is.
    """
    with registry.read() as connection:
        stored = stored_fingerprint(connection)
        names = {current if stored is None else EmbeddingFingerprint(**stored).short}
        if inspect(connection).has_table(indexes.name):
            names |= {one.name for one in known_indexes(connection)}
        return LeftText(frozenset(names - {current}), frozenset(document_ids(connection)))


def clear_left_text(settings: Settings, left: LeftText, *, owner: str) -> None:
    """Remove it from the `owner`'s indexes on the server. Raises `IndexUnavailable`."""
    for name in sorted(left.names):
        clear_server_index(settings, name, left.document_ids, owner=owner)


def remove_left_folders(settings: Settings, registry: Registry, current: str) -> None:
    """Remove what a switch left in the data folder, which must be owned; builds stay."""
    if settings.index_is_shared:
        return
    # Looked for first: a build is known before it has a folder.
    folders = other_edge_folders(settings.data_dir, current)
    known = _others(registry, current)
    for folder in folders - {folder_beside(settings.data_dir, one.name) for one in known}:
        remove_edge_folder(folder)


def _others(registry: Registry, current: str) -> list[KnownIndex]:
    with registry.read() as connection:
        stored = stored_fingerprint(connection)
        known = known_indexes(connection)
    answering = {current} if stored is None else {current, EmbeddingFingerprint(**stored).short}
    return [one for one in known if one.name not in answering]


def _clear(settings: Settings, registry: Registry, index: KnownIndex, current: str) -> None:
    """What is ours in it goes, unless somebody went on with it since it was looked at."""
    with registry.write() as connection:
        if not give_up(connection, index):
            return
    if settings.index_is_shared:
        with registry.read() as connection:
            ours = document_ids(connection)
        # Who is not among them was deleted here as well, before it was forgotten.
        owner = this_installation(registry).id
        clear_server_index(settings, index.name, ours, owner=owner)
    else:
        folder = folder_beside(settings.data_dir, index.name)
        if folder in other_edge_folders(settings.data_dir, current):
            remove_edge_folder(folder)
    with registry.write() as connection:
        forget_index(connection, index.name)
