"""Hearing at once that there is work, without asking all the time.

Postgres carries the word, with the commit that queues the job. A worker beside a SQLite registry is
woken by its server. What is missed (a connection that was away) is found by looking now and then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from pydantic import SecretStr

from corpus.registry.database.postgres_url import connect_arguments
from corpus.registry.jobs import CHANNEL

LISTEN_S = 1.0  # at a time: bounds how long the end of the block is waited for
RECONNECT_S = 2.0

log = logging.getLogger("lectern.worker")


@contextmanager
def listening(url: SecretStr, on_word: Callable[[], None]) -> Iterator[None]:
    """Call `on_word` from a thread whenever work was announced, while the block runs.

    The connection is made anew when it is lost; `on_word` is called then too, for what was missed.
    Behind a pooler by transaction it is not called at all.
    """
    ended = threading.Event()
    arguments = connect_arguments(url) | {"application_name": "lectern wake-ups"}

    def listen() -> None:
        is_told = False
        while not ended.is_set():
            try:
                with psycopg.connect(**arguments) as connection:
                    if _is_lent(connection, url):
                        log.info("work is not announced through this pooler: it is looked for")
                        return
                    connection.execute(f"LISTEN {CHANNEL}")
                    is_told = False
                    _follow(connection, on_word, ended)
            except psycopg.Error as error:
                if not is_told:
                    log.warning("work is not announced for now: %s", type(error).__name__)
                is_told = True
                ended.wait(RECONNECT_S)
            except Exception:
                log.exception("work is not announced for now")
                ended.wait(RECONNECT_S)

    ear = threading.Thread(target=listen, name="wake-ups", daemon=True)
    ear.start()
    try:
        yield
    finally:
        ended.set()
        ear.join(2 * LISTEN_S)


def _is_lent(connection: psycopg.Connection[Any], url: SecretStr) -> bool:
    """Whether a pooler lends the server's process that answers here to others meanwhile.

    The word would come to whoever has it then. A busy pooler may give us the same one by chance, or
    no second one: then nothing is heard either, and nobody is told.
    """
    own = _process_of(connection)
    try:
        opened = psycopg.connect(**connect_arguments(url))
    except psycopg.OperationalError:
        return False  # a limit on connections, as the one is there: the word comes to it
    with opened as other, other.transaction():
        return _process_of(other) == own or _process_of(connection) != own


def _process_of(connection: psycopg.Connection[Any]) -> object:
    return connection.execute("SELECT pg_backend_pid()").fetchone()


def _follow(
    connection: psycopg.Connection[Any], on_word: Callable[[], None], ended: threading.Event
) -> None:
    on_word()
    while not ended.is_set():
        for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
            on_word()
