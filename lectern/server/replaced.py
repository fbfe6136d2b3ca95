"""What makes way for a restore, and whether it may: what somebody may still need is refused."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from corpus.errors import Misconfigured, StorageUnavailable
from corpus.originals.open import FOLDER, opened_originals
from corpus.registry.dumping import is_empty
from corpus.registry.installation import (
    kept_installation_id,
    new_installation_id,
    stored_installation_id,
    this_installation,
)
from corpus.registry.open import open_registry
from corpus.settings import Settings
from lectern.server.opening import INDEX_FILES, first_file
from lectern.server.shared_stores import require_no_content
from lectern.server.stores import REGISTRY_FILE, existing_registry, require_quiet

_REGISTRY_FILES = tuple(f"{REGISTRY_FILE}{kind}" for kind in ("", "-wal", "-shm", "-journal"))


@dataclass(frozen=True, slots=True)
class Replaced:
    """The registry that is there: which installation it is, and whether there is anything in it.

    One that is not there, or cannot be read, is none and has nothing.
    """

    installation_id: str | None = None
    has_content: bool = False
    is_readable: bool = False


def what_is_replaced(settings: Settings, *, force: bool) -> Replaced:
    """The registry that makes way.

    Raises `Misconfigured` when something is there and `force` is not given, and when somebody works
    with it.
    """
    is_sqlite = settings.database_url is None
    if is_sqlite and not (settings.data_dir / REGISTRY_FILE).exists():
        if not force:
            _require_nothing_without_registry(settings)
            _require_own_stores(settings, None)
        return Replaced()
    try:
        with existing_registry(settings) as registry:
            require_quiet(registry)
            with registry.read() as connection:
                found = Replaced(
                    stored_installation_id(connection),
                    has_content=not is_empty(connection),
                    is_readable=True,
                )
    except StorageUnavailable:
        if is_sqlite and force:
            return Replaced()  # it is damaged, and will not be missed
        raise
    if force:
        return found
    if found.has_content:
        raise Misconfigured(
            "There is a registry with something in it already.",
            hint="Restore into a new LECTERN_DATA_DIR (and DATABASE_URL, BLOB_URL, "
            "QDRANT_URL), or replace all that is there: lectern restore --force. "
            "Nothing was changed.",
        )
    _require_own_stores(settings, found.installation_id)
    return found


def _require_nothing_without_registry(settings: Settings) -> None:
    """Refuse a data folder with files that only a registry gives a meaning to, and without it."""
    path = first_file(settings.data_dir, outgoing(settings))
    if path is not None:
        raise Misconfigured(
            f"There is {path}, and no {REGISTRY_FILE} that it belongs to.",
            hint=f"If {REGISTRY_FILE} was lost, put it back from a copy, or restore into a new "
            "LECTERN_DATA_DIR, to compare. lectern restore --force replaces all that is there, for "
            "good. Nothing was changed.",
        )


def installation_to_be(settings: Settings, replaced: Replaced) -> str:
    """The id that what is restored will have: kept from now on where it is looked for next.

    So stores may bear it before the restore has come to its end. Only where there is no registry to
    keep it, beside files of a lost one, it is not: no empty one may be served with them.
    """
    if replaced.installation_id is not None:
        return replaced.installation_id
    if settings.blob_url is None and settings.qdrant_url is None:
        return new_installation_id()
    if replaced.is_readable:
        with existing_registry(settings) as registry:
            return kept_installation_id(registry)
    if first_file(settings.data_dir, outgoing(settings)) is not None:
        return new_installation_id()
    with closing(open_registry(settings)) as registry:
        return this_installation(registry).id


def _require_own_stores(settings: Settings, installation_id: str | None) -> None:
    """Refuse originals and nodes of a registry that is not there.

    Served with this registry, what it does not know would be removed there.
    """
    if settings.blob_url is None:
        with opened_originals(settings) as originals:
            if next(iter(originals.kept()), None) is not None:
                raise Misconfigured(
                    f"{settings.data_dir / FOLDER} has content, and the registry that it is to go "
                    "with has none.",
                    hint="Name another folder; lectern restore --force makes it this registry's. "
                    "Nothing was changed.",
                )
    require_no_content(settings, installation_id)


def outgoing(settings: Settings) -> list[str]:
    """Patterns of what in the data folder makes way; originals that are not swapped, stay."""
    patterns: list[str] = []
    if settings.database_url is None:
        patterns += _REGISTRY_FILES
    if are_swapped(settings):
        patterns.append(FOLDER)
    if not settings.index_is_shared:
        patterns += INDEX_FILES
    return patterns


def are_swapped(settings: Settings) -> bool:
    """Whether originals go with the registry; elsewhere more of them are harmless."""
    return settings.database_url is None and settings.blob_url is None
