from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from corpus.errors import StorageUnavailable
from corpus.keys import Grant, Scope, new_id, new_secret
from corpus.registry.audit_log import Entry, list_entries, write_entries
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.keys import create_key, list_keys
from corpus.settings import Settings
from service.app import create_app
from service.http.audit import REFUSALS_OF_EACH, REFUSALS_PER_MINUTE, AuditLog
from service.http.recorder import WAITING, Recorder
from tests.doubles.parts import parts_with

HOST = {"Host": "127.0.0.1"}


class Away:
    """A registry that does not answer."""

    def read(self) -> None:
        raise StorageUnavailable("The registry does not answer.")

    write = read


def away() -> Registry:
    return cast("Registry", Away())


def test_without_the_registry_nobody_is_called_a_stranger_or_let_in() -> None:
    with TestClient(create_app(parts_with(away()))) as client:
        for headers in ({}, {"Authorization": f"Bearer {new_secret(new_id())}"}):
            reply = client.get("/documents", headers={**HOST, **headers})
            assert (reply.status_code, reply.json()["error"]) == (503, "storage_unavailable")
            assert "www-authenticate" not in reply.headers
        assert client.get("/healthz", headers=HOST).status_code == 200


@pytest.mark.parametrize("beyond", [{"host": "::"}, {"allowed_hosts": "lectern.example.org"}])
def test_where_others_could_come_nobody_is_the_operator_for_want_of_the_registry(
    beyond: dict[str, str],
) -> None:
    app = create_app(parts_with(away(), Settings(_env_file=None, **beyond)))  # type: ignore[arg-type]
    with TestClient(app) as client:
        assert client.get("/metrics", headers=HOST).status_code == 401


def test_where_others_could_come_a_registry_without_keys_opens_nothing(tmp_path: Path) -> None:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    settings = Settings(_env_file=None, allowed_hosts="lectern.example.org")
    with TestClient(create_app(parts_with(registry, settings))) as client:
        assert client.get("/documents", headers=HOST).status_code == 401


def test_pages_of_other_origins_may_send_keys_and_read_that_one_is_missing(
    tmp_path: Path,
) -> None:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    with registry.write() as connection:
        create_key(connection, Grant("one", frozenset({Scope.READ})))
    parts = parts_with(registry)
    origin = {"Origin": "http://localhost:5173", **HOST}
    parts.settings.cors_origins = origin["Origin"]
    with TestClient(create_app(parts)) as client:
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        preflight = client.options("/chat", headers={**origin, **asked})
        assert preflight.status_code == 200
        assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
        refused = client.get("/documents", headers=origin)
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == origin["Origin"]


def test_a_use_is_noted_once_a_minute_and_behind_the_request(tmp_path: Path) -> None:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    with registry.write() as connection:
        _, secret = create_key(connection, Grant("one", frozenset({Scope.READ})))
    app = create_app(parts_with(registry))
    headers = {**HOST, "Authorization": f"Bearer {secret}"}
    seen = []
    with TestClient(app) as client:
        for _ in range(3):
            assert client.get("/documents", headers=headers).status_code == 200
            app.state.recorder.flush()
            with registry.read() as connection:
                seen.append(list_keys(connection)[0].last_used_at)
    assert seen[0] is not None
    assert seen == [seen[0]] * 3


def test_what_cannot_be_written_is_said_and_breaks_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder(away)
    recorder.put(lambda _: None)
    recorder.close()
    assert "not in the registry" in caplog.text


def test_what_waits_is_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    recorder, go_on, written = Recorder(lambda: registry), threading.Event(), []
    begun = threading.Event()

    def hold(_connection: Connection) -> None:
        begun.set()
        go_on.wait(30)

    recorder.put(hold)
    assert begun.wait(30)
    for number in range(WAITING + 50):
        recorder.put(lambda _, number=number: written.append(number))  # type: ignore[misc]
    assert caplog.text.count("too many wait") == 50
    go_on.set()
    recorder.close()
    assert written == list(range(WAITING))


def test_refusals_are_noted_up_to_so_many_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    recorder = Recorder(lambda: registry)
    now = [0.0]
    audit = AuditLog(recorder, with_questions=False, clock=lambda: now[0])
    scope = {"state": {"request_id": "r"}, "path": "/documents"}
    for now_s in (0.0, 61.0):
        now[0] = now_s
        for _ in range(REFUSALS_PER_MINUTE + 10):
            audit.note_sign_in("Bearer guessed", scope)
    recorder.close()
    with registry.read() as connection:
        found, _ = list_entries(connection, action=None, limit=500, cursor=None)
    assert len(found) == 2 * REFUSALS_PER_MINUTE
    assert "guessed" not in caplog.text


def test_who_floods_leaves_room_for_what_others_are_refused() -> None:
    now = [0.0]
    audit = AuditLog(Recorder(away), with_questions=False, clock=lambda: now[0])
    assert sum(audit.lets_refusal("key a") for _ in range(100)) == REFUSALS_OF_EACH
    assert audit.lets_refusal("key b")
    everybody = sum(audit.lets_refusal(f"key {number}") for number in range(1000))
    assert everybody == REFUSALS_PER_MINUTE - REFUSALS_OF_EACH - 1
    now[0] = 60.0
    assert audit.lets_refusal("key a")


def test_entries_are_cut_to_what_is_kept(tmp_path: Path) -> None:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    with registry.write() as connection:
        write_entries(
            connection, [Entry("w" * 900, "a", "s" * 900, "ok"), Entry("", "b", None, "")]
        )
        found, _ = list_entries(connection, action="a", limit=5, cursor=None)
    assert [(len(one.who), len(one.subject or "")) for one in found] == [(700, 128)]
