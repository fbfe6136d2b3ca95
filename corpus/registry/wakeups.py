"""Hearing at once that there is work, without asking all the time.

Postgres carries the word, with the commit that queues the job. A worker beside a SQLite registry is
woken by its server. What is missed (a connection that was away) is found by looking now and then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    """
    ended = threading.Event()

    def listen() -> None:
        while not ended.is_set():
            try:
                _follow(url, on_word, ended)
            except psycopg.Error as error:
                log.warning("work is not announced for now: %s", type(error).__name__)
                ended.wait(RECONNECT_S)

    ear = threading.Thread(target=listen, name="wake-ups", daemon=True)
    ear.start()
    try:
        yield
    finally:
        ended.set()
        ear.join(2 * LISTEN_S)


def _follow(url: SecretStr, on_word: Callable[[], None], ended: threading.Event) -> None:
    arguments = connect_arguments(url) | {"application_name": "lectern wake-ups"}
    with psycopg.connect(**arguments, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        on_word()
        while not ended.is_set():
            for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
                on_word()
