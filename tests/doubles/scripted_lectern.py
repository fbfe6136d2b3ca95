"""A real HTTP server on loopback that answers as a Lectern server from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.doubles.serving import Handler, Serving

Answer = tuple[int, Mapping[str, Any]]

HANG_UP: Answer = (0, {})


@contextmanager
def scripted_lectern(answers: Mapping[str, Sequence[Answer]]) -> Iterator[str]:
    """The address of a server that answers `"GET /path"` with (status, JSON body), in order.

    The last answer to a request is given again and again; `HANG_UP` closes the connection.
    """
    left = {request: list(given) for request, given in answers.items()}
    turn = threading.Lock()

    class Scripted(Handler):
        def answer(self) -> None:
            self.body()
            with turn:
                given = left[f"{self.command} {self.path}"]
                status, body = given.pop(0) if len(given) > 1 else given[0]
            if not status:
                self.close_connection = True
                return
            self.reply(status, json.dumps(body).encode())

    with Serving(Scripted) as server:
        yield server.root_url
