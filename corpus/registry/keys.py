"""Keys: made, found by what somebody presents, rotated, revoked, and counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Row, case, delete, insert, or_, select, update

from corpus.errors import InvalidRequest, KeyNotFound
from corpus.keys import Grant, Key, check_grant, hash_of, id_in, new_id, new_secret, scopes_of
from corpus.registry.locks import lock_key
from corpus.registry.schema import key_usage, keys

USAGE_KEPT = timedelta(days=31)


def any_keys(connection: Connection) -> bool:
    """Whether there is a key, also one that opens nothing any more."""
    return connection.execute(select(keys.c.id).limit(1)).first() is not None


def create_key(connection: Connection, grant: Grant) -> tuple[Key, str]:
    """The new key and its secret, which is nowhere else. Raises `InvalidRequest`.

    Names are given once: documents may be for `key:<name>`, and are not for who comes after.
    """
    check_grant(grant)
    lock_key(connection, grant.name)
    if _row(connection, grant.name) is not None:
        raise InvalidRequest(
            f"There is, or was, a key {grant.name!r}.",
            hint=f"Choose another name; `lectern keys rotate {grant.name}` makes a new secret.",
        )
    key = Key(new_id(), grant, datetime.now(UTC))
    secret = new_secret(key.id)
    connection.execute(
        insert(keys).values(
            id=key.id,
            name=grant.name,
            secret_sha256=hash_of(secret),
            scopes=sorted(grant.scopes),
            collections=None if grant.collections is None else sorted(grant.collections),
            principals=list(grant.principals),
            may_act_for=grant.may_act_for,
            requests_per_minute=grant.requests_per_minute,
            questions_per_day=grant.questions_per_day,
            created_at=key.created_at,
            expires_at=grant.expires_at,
        )
    )
    return key, secret


def key_of(connection: Connection, presented: str) -> Key | None:
    """The key that opens with this; None for what opens nothing, for whatever reason."""
    key_id = id_in(presented)
    if key_id is None:
        return None
    now, hashed = datetime.now(UTC), hash_of(presented)
    row = connection.execute(
        select(keys).where(
            keys.c.id == key_id,
            keys.c.revoked_at.is_(None),
            or_(keys.c.expires_at.is_(None), keys.c.expires_at > now),
            or_(
                keys.c.secret_sha256 == hashed,
                (keys.c.previous_sha256 == hashed) & (keys.c.previous_until > now),
            ),
        )
    ).first()
    return None if row is None else _key(row)


def list_keys(connection: Connection) -> list[Key]:
    """All keys, also revoked ones, by name."""
    return [_key(row) for row in connection.execute(select(keys).order_by(keys.c.name))]


def rotate_key(connection: Connection, name: str, grace: timedelta) -> str:
    """A new secret for the key; the one before goes on for `grace`. Raises `KeyNotFound`.

    Rotated again while one goes on, that one does, which is in use: the secret in between, which
    perhaps nobody kept, opens nothing any more.
    """
    key = _to_change(connection, name)
    if key.grant.expires_at is not None and key.grant.expires_at <= datetime.now(UTC):
        raise KeyNotFound(f"The key {name!r} has expired: make another.")
    secret = new_secret(key.id)
    goes_on = keys.c.previous_until > datetime.now(UTC)
    connection.execute(
        update(keys)
        .where(keys.c.id == key.id)
        .values(
            previous_sha256=case((goes_on, keys.c.previous_sha256), else_=keys.c.secret_sha256),
            previous_until=datetime.now(UTC) + grace,
            secret_sha256=hash_of(secret),
        )
    )
    return secret


def revoke_key(connection: Connection, name: str) -> None:
    """From the end of this transaction on it opens nothing. Raises `KeyNotFound`."""
    key = _to_change(connection, name)
    connection.execute(update(keys).where(keys.c.id == key.id).values(revoked_at=datetime.now(UTC)))


def note_use(connection: Connection, key_id: str) -> None:
    """The key was used now."""
    connection.execute(
        update(keys).where(keys.c.id == key_id).values(last_used_at=datetime.now(UTC))
    )


def count_question(connection: Connection, counted_as: str, limit: int) -> int | None:
    """Count a question of today for a key, or somebody else (at most 12 characters).

    How many are left; None, and not counted, when there were `limit` already.
    """
    today = datetime.now(UTC).date().isoformat()
    lock_key(connection, counted_as)
    of_today = (key_usage.c.key_id == counted_as, key_usage.c.day == today)
    asked: int | None = connection.execute(select(key_usage.c.questions).where(*of_today)).scalar()
    if asked is None:
        connection.execute(insert(key_usage).values(key_id=counted_as, day=today, questions=1))
        return limit - 1
    if asked >= limit:
        return None
    connection.execute(update(key_usage).where(*of_today).values(questions=asked + 1))
    return limit - asked - 1


def expire_usage(connection: Connection) -> None:
    """Forget the counts of days long gone."""
    then = (datetime.now(UTC) - USAGE_KEPT).date().isoformat()
    connection.execute(delete(key_usage).where(key_usage.c.day < then))


def _to_change(connection: Connection, name: str) -> Key:
    lock_key(connection, name)
    row = _row(connection, name)
    if row is None or row.revoked_at is not None:
        raise KeyNotFound(f"There is no key {name!r} that could be used.")
    return _key(row)


def _row(connection: Connection, name: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(keys).where(keys.c.name == name)).first()


def _key(row: Row[tuple[object, ...]]) -> Key:
    grant = Grant(
        name=row.name,
        scopes=scopes_of(row.scopes),
        collections=None if row.collections is None else frozenset(row.collections),
        principals=tuple(row.principals),
        may_act_for=row.may_act_for,
        requests_per_minute=row.requests_per_minute,
        questions_per_day=row.questions_per_day,
        expires_at=row.expires_at,
    )
    return Key(row.id, grant, row.created_at, row.last_used_at, row.revoked_at, row.previous_until)
