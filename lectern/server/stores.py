"""What a backup reads and a restore fills: registry, originals and index as the settings name them.

Unlike in wiring.py, nothing is migrated or mended, and no model is needed to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect

from corpus.backup.making import Points, Sources
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.errors import Misconfigured, StorageUnavailable
from corpus.index.open import open_node_store
from corpus.originals.open import opened_originals
from corpus.registry.database.engine import Registry, sqlite_registry_as_it_is
from corpus.registry.database.postgres import postgres_registry_as_it_is
from corpus.registry.schema import workers
from corpus.registry.workers import count_alive
from corpus.settings import Settings
from lectern.server.data_dir import is_held, owned
from lectern.server.gate import through_the_gate

REGISTRY_FILE = "registry.sqlite"


@contextmanager
def sources(settings: Settings, *, with_vectors: bool) -> Iterator[Sources]:
    """What there is to be backed up, whether or not a server runs, starts or ends meanwhile.

    Raises `Misconfigured` where there is nothing, `StorageUnavailable` at the end of the block when
    another registry was put in place meanwhile, and the stores' errors.
    """
    with ExitStack() as opened:
        folder = _Folder(settings.data_dir, opened)
        if settings.data_dir.exists() and not settings.stores_are_shared:
            folder.is_ours()

        def points(fingerprint: Mapping[str, Any]) -> Points:
            if not settings.index_is_shared and not folder.is_ours():
                return opened.enter_context(through_the_gate(settings.data_dir, fingerprint))
            embedded_as = EmbeddingFingerprint(**fingerprint)
            store = open_node_store(settings, embedded_as.short, embedded_as.dimension)
            opened.callback(store.close)
            return store

        opener: Callable[[Mapping[str, Any]], Points] | None = points if with_vectors else None
        registry = opened.enter_context(existing_registry(settings))
        file = _identity(settings)
        yield Sources(registry, opened.enter_context(opened_originals(settings)), opener)
        if _identity(settings) != file:
            raise StorageUnavailable(
                f"The registry in {settings.data_dir} was replaced while it was backed up.",
                hint="Make the backup again.",
            )


class _Folder:
    """The data folder of a backup: held from the first moment on that nobody else has it."""

    def __init__(self, path: Path, opened: ExitStack) -> None:
        self._path = path
        self._opened = opened
        self._is_ours = False

    def is_ours(self) -> bool:
        """Whether we hold it, now if not before; else a server does, or another command."""
        if not self._is_ours and not is_held(self._path):
            self._opened.enter_context(owned(self._path))
            self._is_ours = True
        return self._is_ours


def _identity(settings: Settings) -> tuple[int, int] | None:
    """Of SQLite's file; a restore puts another one in place."""
    if settings.database_url is not None:
        return None
    try:
        found = (settings.data_dir / REGISTRY_FILE).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def existing_registry(settings: Settings) -> Iterator[Registry]:
    """The registry with whatever tables it has. `Misconfigured` when there is none."""
    if settings.database_url is not None:
        with postgres_registry_as_it_is(settings.database_url) as registry:
            yield registry
        return
    path = settings.data_dir / REGISTRY_FILE
    if not path.exists():
        raise Misconfigured(
            f"There is no registry in {settings.data_dir}.",
            hint="Name the data folder with --data-dir or LECTERN_DATA_DIR.",
        )
    with sqlite_registry(path) as registry:
        yield registry


@contextmanager
def sqlite_registry(path: Path) -> Iterator[Registry]:
    """The registry in this file, closed at the end."""
    registry = sqlite_registry_as_it_is(path)
    try:
        yield registry
    finally:
        registry.close()


def require_quiet(registry: Registry) -> None:
    """Raise `Misconfigured` while workers elsewhere are at work on the database."""
    with registry.read() as connection:
        if registry.is_shared and inspect(connection).has_table(workers.name):
            require_no_workers(
                connection,
                "Stop every `lectern serve` and `lectern worker` of it first, and wait 20 s.",
            )


def require_no_workers(connection: Connection, hint: str) -> None:
    """Raise `Misconfigured` while any was heard of lately."""
    if alive := count_alive(connection):
        raise Misconfigured(f"{alive} workers are at work on this database.", hint=hint)
