"""Keys, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from corpus.errors import InvalidMetadata, InvalidRequest, KeyNotFound, LecternError
from corpus.keys import Grant, Scope, hash_of, new_secret
from corpus.registry.database.engine import Registry
from corpus.registry.keys import (
    any_keys,
    count_question,
    create_key,
    expire_usage,
    key_of,
    list_keys,
    note_use,
    revoke_key,
    rotate_key,
)
from corpus.registry.schema import key_usage, keys

CI = Grant(
    "ci",
    frozenset({Scope.READ, Scope.WRITE}),
    collections=frozenset({"manuals"}),
    principals=("group:build",),
    may_act_for=True,
    requests_per_minute=60,
    questions_per_day=100,
)


def made(registry: Registry, grant: Grant = CI) -> str:
    with registry.write() as connection:
        return create_key(connection, grant)[1]


def opens(registry: Registry, presented: str) -> bool:
    with registry.read() as connection:
        return key_of(connection, presented) is not None


def test_a_key_is_found_by_its_secret_as_it_was_made(registry: Registry) -> None:
    with registry.read() as connection:
        assert not any_keys(connection)
    secret = made(registry)
    with registry.read() as connection:
        assert any_keys(connection)
        found = key_of(connection, secret)
        stored = connection.execute(select(keys)).one()
    assert found is not None
    assert found.grant == CI
    assert found.reader().principals == frozenset({"key:ci", "group:build"})
    assert secret.startswith(f"lk_{found.id}_")
    assert stored.secret_sha256 == hash_of(secret)
    assert secret.rpartition("_")[2] not in str(stored)


def test_what_is_not_the_secret_opens_nothing(registry: Registry) -> None:
    secret = made(registry)
    key_id = secret.split("_")[1]
    wrong = (new_secret(key_id), new_secret("0" * 12), secret[:-1], secret + "0", f"lk_{key_id}_")
    for presented in (*wrong, "", "unused", secret.upper(), "\x00", "lk_\ud800_" + "0" * 64):
        assert not opens(registry, presented)


def test_an_expired_key_and_a_revoked_one_open_nothing(registry: Registry) -> None:
    now = datetime.now(UTC)
    lasting = made(registry, replace(CI, name="lasting", expires_at=now + timedelta(hours=1)))
    assert opens(registry, lasting)
    assert not opens(registry, made(registry, replace(CI, name="late", expires_at=now)))
    with registry.write() as connection:
        revoke_key(connection, "lasting")
    assert not opens(registry, lasting)
    with registry.read() as connection:
        assert any_keys(connection), "a service whose keys are all revoked would stand open"
    for name in ("lasting", "nobody"):
        with registry.write() as connection, pytest.raises(KeyNotFound):
            revoke_key(connection, name)


def test_a_rotated_key_keeps_its_old_secret_for_a_while(registry: Registry) -> None:
    first = made(registry)
    with registry.write() as connection:
        second = rotate_key(connection, "ci", timedelta(hours=1))
    assert first.split("_")[1] == second.split("_")[1], "what belongs to the key stays its own"
    assert opens(registry, first)
    assert opens(registry, second)
    # What was printed was lost: the secret that is in use goes on.
    with registry.write() as connection:
        third = rotate_key(connection, "ci", timedelta(hours=1))
    assert [opens(registry, one) for one in (first, second, third)] == [True, False, True]
    with registry.write() as connection:
        fourth = rotate_key(connection, "ci", timedelta())
    made_so_far = (first, second, third, fourth)
    assert [opens(registry, one) for one in made_so_far] == [False, False, False, True]


def test_an_expired_key_gets_no_new_secret(registry: Registry) -> None:
    made(registry, replace(CI, expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    with pytest.raises(KeyNotFound, match="expired"), registry.write() as connection:
        rotate_key(connection, "ci", timedelta(hours=1))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(CI, name="two words"),
        replace(CI, name=""),
        replace(CI, scopes=frozenset()),
        replace(CI, collections=frozenset({"a/b"})),
        replace(CI, principals=("a\tb",)),
        replace(CI, questions_per_day=0),
    ],
)
def test_what_no_key_can_be_is_refused(registry: Registry, wrong: Grant) -> None:
    with registry.write() as connection, pytest.raises((InvalidRequest, InvalidMetadata)):
        create_key(connection, wrong)


def test_names_are_given_once(registry: Registry) -> None:
    made(registry)
    with registry.write() as connection:
        revoke_key(connection, "ci")
    with registry.write() as connection, pytest.raises(LecternError, match="is, or was"):
        create_key(connection, CI)


def test_uses_are_noted(registry: Registry) -> None:
    made(registry)
    with registry.write() as connection:
        [key] = list_keys(connection)
        assert key.last_used_at is None
        note_use(connection, key.id)
        [key] = list_keys(connection)
    assert key.last_used_at is not None


def test_questions_are_counted_by_day_and_key(registry: Registry) -> None:
    def ask(key_id: str) -> int | None:
        with registry.write() as connection:
            return count_question(connection, key_id, 2)

    assert [ask("a"), ask("a"), ask("a"), ask("b")] == [1, 0, None, 1]
    with registry.write() as connection:
        connection.execute(
            update(key_usage).where(key_usage.c.key_id == "a").values(day="2020-01-01")
        )
    assert ask("a") == 1
    with registry.write() as connection:
        expire_usage(connection)
        left = connection.execute(select(key_usage.c.key_id)).scalars().all()
    assert sorted(left) == ["a", "b"]
