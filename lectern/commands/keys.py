"""`lectern keys`: who may use the service.

They work on the registry itself, also while a server runs: whoever may open that may make keys,
and so the first one too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from corpus.keys import Grant, Key, Scope, scopes_of
from lectern.plain import plain
from lectern.shown import DataDir, errors_shown, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

WHO = "operator (lectern keys)"

app = typer.Typer(help="Keys: who may use the service, and for what.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, '-' and '_'.")]


@app.command()
def create(
    name: Name,
    scope: Annotated[
        list[str], typer.Option(help="read, write, metrics or admin (everything); may be repeated.")
    ] = ["read"],  # noqa: B006  typer copies it
    collection: Annotated[
        list[str] | None, typer.Option("--collection", "-c", help="Only these collections.")
    ] = None,
    principal: Annotated[
        list[str] | None,
        typer.Option(help="Who its bearer is besides key:NAME: user:ann, group:legal."),
    ] = None,
    on_behalf_of: Annotated[
        bool, typer.Option("--on-behalf-of", help="A backend's: it says for whom it asks.")
    ] = False,
    requests_per_minute: Annotated[int | None, typer.Option(min=1)] = None,
    questions_per_day: Annotated[int | None, typer.Option(min=1)] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Good for so many days.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key, and print its secret: once, here, and nowhere else.

    The first one closes the service to everybody without a key.
    """
    from corpus.registry.keys import create_key  # noqa: PLC0415

    with errors_shown():
        grant = Grant(
            name=name,
            scopes=scopes_of(scope),
            collections=frozenset(collection) if collection else None,
            principals=tuple(principal or ()),
            may_act_for=on_behalf_of,
            requests_per_minute=requests_per_minute,
            questions_per_day=questions_per_day,
            expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
        )
    with _changing(data_dir, "key.create", name) as connection:
        key, secret = create_key(connection, grant)
    print(secret)
    _say(f"key {name} ({key.id}): {_described(grant)}. It is not shown again.")


@app.command("list")
def list_all(data_dir: DataDir = None) -> None:
    """List the keys: what each is for, and when it was last used."""
    from corpus.registry.keys import list_keys  # noqa: PLC0415

    with errors_shown(), _registry(data_dir) as connection:
        for key in list_keys(connection):
            print(plain(f"{key.grant.name:<20} {_state(key):<12} {_described(key.grant)}"))


@app.command()
def rotate(
    name: Name,
    grace_hours: Annotated[
        float, typer.Option(min=0, max=24 * 365, help="For how long the secret before goes on.")
    ] = 24.0,
    data_dir: DataDir = None,
) -> None:
    """Make a new secret for a key, and print it; the one before goes on for a while."""
    from corpus.registry.keys import rotate_key  # noqa: PLC0415

    with _changing(data_dir, "key.rotate", name) as connection:
        secret = rotate_key(connection, name, timedelta(hours=grace_hours))
    print(secret)
    _say(f"key {name}: the secret before opens for {grace_hours:g} hours more.")


@app.command()
def revoke(name: Name, data_dir: DataDir = None) -> None:
    """Have a key open nothing any more, at once. Its name is not given again."""
    from corpus.registry.keys import revoke_key  # noqa: PLC0415

    with _changing(data_dir, "key.revoke", name) as connection:
        revoke_key(connection, name)
    _say(f"key {name} is revoked.")


@contextmanager
def _changing(data_dir: Path | None, action: str, name: str) -> Iterator[Connection]:
    """One transaction with its entry in the audit log: neither is there without the other."""
    from corpus.registry.audit_log import Entry, write_entries  # noqa: PLC0415

    with errors_shown(), _registry(data_dir) as connection:
        yield connection
        write_entries(connection, [Entry(WHO, action, name, "ok")])


@contextmanager
def _registry(data_dir: Path | None) -> Iterator[Connection]:
    from lectern.server.opening import registry_to_work_with  # noqa: PLC0415

    settings = settings_of(data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    registry = registry_to_work_with(settings)
    try:
        with registry.write() as connection:
            yield connection
    finally:
        registry.close()


def _say(text: str) -> None:
    # Not beside the secret: KEY=$(lectern keys create ci) takes what is printed.
    print(plain(text), file=sys.stderr)


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return "revoked"
    expires_at = key.grant.expires_at
    if expires_at is not None and expires_at <= datetime.now(UTC):
        return "expired"
    return "unused" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d}"


def _described(grant: Grant) -> str:
    said = [", ".join(sorted(grant.scopes))]
    if grant.collections is not None:
        said.append(f"of {', '.join(sorted(grant.collections))}")
    if Scope.ADMIN not in grant.scopes:
        said.append(f"as {', '.join((grant.principal, *grant.principals))}")
    if grant.may_act_for:
        said.append("on behalf of others")
    if grant.requests_per_minute is not None:
        said.append(f"{grant.requests_per_minute} requests a minute")
    if grant.questions_per_day is not None:
        said.append(f"{grant.questions_per_day} questions a day")
    if grant.expires_at is not None:
        said.append(f"until {grant.expires_at:%Y-%m-%d}")
    return "; ".join(said)
