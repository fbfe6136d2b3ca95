"""`lectern migrate-schema`: the tables to another revision, forwards or back."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.errors import InvalidRequest
from corpus.registry.dumping import require_revision, take_your_time
from corpus.registry.locks import lock_schema
from corpus.registry.migrations import HEAD
from corpus.settings import Settings
from lectern.server.data_dir import owned
from lectern.server.stores import existing_registry, require_quiet

BASE = "base"


def migrate_schema(settings: Settings, to: str, *, force: bool) -> None:
    """Migrate in one transaction, and say from where to where; "head" and "base" are names too.

    Raises `InvalidRequest` for the way back without `force`, and for a revision that this version
    does not have; `Misconfigured` for tables of a newer one; `DataDirInUse` while a server has the
    folder, and on the way back `Misconfigured` while workers are at work on the database.
    """
    from corpus.registry.migrations.upgrade import (  # noqa: PLC0415  loads Alembic
        downgrade,
        require_known,
        revisions,
        upgrade,
    )

    to = _revision(to, revisions())
    with (
        owned(settings.data_dir),
        existing_registry(settings) as registry,
        registry.write() as connection,
    ):
        lock_schema(connection)
        take_your_time(connection)
        current = require_revision(connection)
        require_known(current)
        is_back = to == BASE or to < current
        if is_back and not force:
            raise InvalidRequest(
                f"Going back from revision {current} to {to} loses what only the newer tables "
                "hold.",
                hint="docs/migrations.md says what. Make a backup (lectern backup), then add "
                "--force.",
            )
        if is_back:
            # What goes, they need; forwards, a revision only adds.
            require_quiet(registry)
            downgrade(connection, to)
        elif to > current:
            upgrade(connection, current, to)
    if to == BASE:
        print(f"There are no tables any more (before: of revision {current}).")
        return
    print(f"The tables are of revision {to} (before: {current}); this version's own is {HEAD}.")
    if to != HEAD:
        print("Start the release that they are for: this one would migrate them again.")


def _revision(name: str, known: Sequence[str]) -> str:
    if name == "head":
        return HEAD
    if name == BASE or name in known:
        return name
    raise InvalidRequest(
        f"There is no revision {name!r}.",
        hint=f"This version knows {known[0]} to {known[-1]}, head (the newest) and base (no tables "
        "at all).",
    )
