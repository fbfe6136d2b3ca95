"""Running Alembic's revisions over an open connection, without a configuration file."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from corpus.errors import Misconfigured
from corpus.registry.migrations.patience import patiently


def configuration(connection: Connection | None = None) -> Config:
    """Where the revisions are; `env.py` beside this file takes the connection from it."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "corpus.registry:migrations")
    config.set_main_option("version_locations", "corpus.registry.migrations:revisions")
    config.set_main_option("path_separator", "newline")
    return config


def upgrade(connection: Connection, current: str, to: str = "head") -> None:
    """Bring the tables from one revision to another, within the caller's transaction.

    Raises `Misconfigured` when they are of a newer version, and what `patiently` does.
    """
    require_known(current)
    patiently(connection, lambda: command.upgrade(configuration(connection), to))


def downgrade(connection: Connection, to: str) -> None:
    """Take the tables back to an older revision, with the loss of what is only in newer ones.

    Within the caller's transaction. Raises `Misconfigured` for an unknown revision, and what
    `patiently` does.
    """
    require_known(to)
    patiently(connection, lambda: command.downgrade(configuration(connection), to))


def revisions() -> list[str]:
    """All that this version has, the oldest first."""
    found = ScriptDirectory.from_config(configuration()).walk_revisions()
    return sorted(script.revision for script in found)


def require_known(revision: str) -> None:
    """Raise `Misconfigured` for a revision that this version has not."""
    try:
        ScriptDirectory.from_config(configuration()).get_revision(revision)
    except CommandError as error:
        raise Misconfigured(
            f"The tables are of a newer Lectern (revision {revision}).",
            hint="Start that version again, or restore a backup made before it was installed.",
        ) from error
