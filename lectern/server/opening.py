"""Opening the registry to work with it: a new one is made only where nothing belongs to another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import inspect

from corpus.errors import Misconfigured
from corpus.index.open import EDGE_FOLDER
from corpus.originals.open import FOLDER
from corpus.registry.database.engine import Registry
from corpus.registry.migrations import stored_revision
from corpus.registry.open import open_registry
from corpus.registry.schema import documents
from corpus.settings import Settings
from lectern.server.stores import REGISTRY_FILE, existing_registry

INDEX_FILES = (EDGE_FOLDER, f"{EDGE_FOLDER}.*", f"{EDGE_FOLDER}-[0-9]*", f"{EDGE_FOLDER}-of-*")


def registry_to_work_with(settings: Settings) -> Registry:
    """The registry that the settings name, made or migrated where needed.

    Raises as `require_no_lost_registry`, and what opening it raises.
    """
    require_no_lost_registry(settings)
    return open_registry(settings)


def require_no_lost_registry(settings: Settings) -> None:
    """Raise `Misconfigured` where originals or an index in the data folder are without a registry.

    What a new one does not know, its servers would remove. On Postgres, also raises as asking it.
    """
    path = _without_registry(settings)
    if path is None:
        return
    where = REGISTRY_FILE if settings.database_url is None else "registry in DATABASE_URL"
    raise Misconfigured(
        f"There is {path}, and no {where} that knows it.",
        hint=f"If {REGISTRY_FILE} was lost, put it back from a copy, or restore a backup. If the "
        "registry is in another database, correct DATABASE_URL; what a data folder holds, lectern "
        "migrate copies to one. Or name a new LECTERN_DATA_DIR. Nothing was changed.",
    )


def first_file(folder: Path, patterns: Iterable[str]) -> Path | None:
    """What matches one of the patterns and is a file, or has one in it."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            if path.is_file() or any(one.is_file() for one in path.rglob("*")):
                return path
    return None


def _without_registry(settings: Settings) -> Path | None:
    """What has a meaning only with a registry, where there is none yet."""
    patterns = [] if settings.blob_url is not None else [FOLDER]
    if not settings.index_is_shared:
        patterns += INDEX_FILES
    path = first_file(settings.data_dir, patterns)
    return None if path is None or _has_tables(settings) else path


def _has_tables(settings: Settings) -> bool:
    if settings.database_url is None and not (settings.data_dir / REGISTRY_FILE).exists():
        return False
    with existing_registry(settings) as registry, registry.read() as connection:
        has_documents = inspect(connection).has_table(documents.name)
        return has_documents or stored_revision(connection) is not None
