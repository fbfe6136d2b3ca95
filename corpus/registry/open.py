"""The registry that the settings name."""

from __future__ import annotations

from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.database.postgres import open_postgres_registry
from corpus.settings import Settings


def open_registry(settings: Settings) -> Registry:
    """The Postgres database that the settings name, else SQLite in the data folder."""
    if settings.database_url is not None:
        return open_postgres_registry(settings.database_url)
    return open_sqlite_registry(settings.data_dir / "registry.sqlite")
