"""The registry: whether it answers, is of this release, and what its queue says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select, text

from corpus.errors import LecternError, Unavailable
from corpus.registry.database.engine import Registry
from corpus.registry.database.postgres import describe_database
from corpus.registry.migrations import HEAD, stored_revision
from corpus.registry.queue_health import queue_health
from corpus.settings import Settings
from lectern.commands.findings.finding import Finding, broken_by
from lectern.commands.findings.indexes import other_indexes
from lectern.server.stores import REGISTRY_FILE, existing_registry

# Leases and heartbeats compare the clocks of several machines; a lease lasts 30 s at least.
SKEW_NOTED_S = 2.0
SKEW_BROKEN_S = 15.0


def registry(settings: Settings) -> Iterator[Finding]:
    """All there is to say of it; the first finding is whether it answers."""
    if settings.database_url is None and not (settings.data_dir / REGISTRY_FILE).exists():
        yield Finding("ok", "registry", "SQLite, in the data folder; made at the first start")
        return
    try:
        where = "SQLite, in the data folder"
        if settings.database_url is not None:
            where = describe_database(settings.database_url)
        with existing_registry(settings) as opened:
            yield Finding("ok", "registry", where)
            yield from _of(opened)
    except LecternError as error:
        yield broken_by("registry", error)


def _of(registry: Registry) -> Iterator[Finding]:
    with registry.read() as connection:
        revision = stored_revision(connection)
        yield from _clock(connection)
        yield from _only_reads(connection)
    if revision is not None and revision > HEAD:
        text = f"a newer Lectern has been here (revision {revision}, this one knows {HEAD})"
        hint = "Start that version, or go back: docs/migrations.md, or restore a backup."
        yield Finding("broken", "  tables", text, hint)
        return
    if revision != HEAD:
        if revision is not None:
            text = f"of an older release (revision {revision}; {HEAD} is this one's)"
            hint = "The next start migrates them: lectern backup first."
            yield Finding("note", "  tables", text, hint)
        return
    try:
        with registry.write():
            pass  # that it may begin is all
    except Unavailable as error:
        hint = "Check the permissions of registry.sqlite and its folder, and the disk."
        yield Finding("broken", "  writing", error.detail, hint)
    with registry.read() as connection:
        yield from _queue(connection)
        yield from other_indexes(connection)


def _clock(connection: Connection) -> Iterator[Finding]:
    if connection.dialect.name != "postgresql":
        return
    before = datetime.now(UTC)
    theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    middle = before + (datetime.now(UTC) - before) / 2
    yield from clock_skew((theirs - middle).total_seconds())


def clock_skew(skew_s: float) -> Iterator[Finding]:
    """What there is to say when the database's clock is so far ahead (or behind, below 0)."""
    if abs(skew_s) < SKEW_NOTED_S:
        return
    said = f"the database's clock is {abs(skew_s):.0f} s {'ahead' if skew_s > 0 else 'behind'}"
    hint = "Keep all machines by NTP: leases of jobs are told by the clock."
    yield Finding("broken" if abs(skew_s) >= SKEW_BROKEN_S else "note", "  clock", said, hint)


def _only_reads(connection: Connection) -> Iterator[Finding]:
    if connection.dialect.name != "postgresql":
        return
    if connection.execute(select(func.pg_is_in_recovery())).scalar_one():
        hint = "DATABASE_URL must name the primary, not a standby."
        yield Finding("broken", "  writing", "the database only accepts reading", hint)


def _queue(connection: Connection) -> Iterator[Finding]:
    found = queue_health(connection, now=datetime.now(UTC))
    yield Finding("ok", "  documents", f"{found.documents}, {found.waiting} waiting")
    if found.waiting and not found.workers:
        text = f"{found.waiting} documents wait, and no worker is alive"
        hint = "Start `lectern serve`, or `lectern worker` in a cluster."
        yield Finding("note", "  worker", text, hint)
    elif found.longest_wait > timedelta(hours=1):
        text = f"the oldest of those waiting does so for {found.longest_wait}"
        hint = "GET /documents/{id} says why (`waiting`); more workers may help."
        yield Finding("note", "  queue", text.partition(".")[0], hint)
    if found.stuck:
        text = f"{found.stuck} jobs are with workers that said nothing for too long"
        hint = "Any worker takes them over by itself; with none alive, start one."
        yield Finding("note", "  queue", text, hint)
    if found.failed:
        text = f"{found.failed} documents failed"
        hint = "lectern list shows them; lectern retry ID after mending the cause."
        yield Finding("note", "  documents", text, hint)
