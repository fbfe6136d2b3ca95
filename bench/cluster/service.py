"""The cluster as a client sees it: any replica will do, by a way that can be cut."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import httpx

from bench.chaos.record import Record
from bench.chaos.service import AGAIN_S, AWAY_LIMIT_S, TIMEOUT_S, Service

# What README names for a store that is away, and for a full queue.
DOCUMENTED = {
    429: frozenset({"queue_full"}),
    503: frozenset(
        {
            "index_unavailable",
            "storage_unavailable",
            "sources_changed",
            "embedding_unavailable",
            "parser_unavailable",
        }
    ),
}
ON_BEHALF_OF = "X-Lectern-On-Behalf-Of"


@dataclass(frozen=True, slots=True)
class Streamed:
    """A streamed answer that came to its end: the tokens joined, and the whole object."""

    text: str
    whole: dict[str, Any]


class ClusterService(Service):
    """One client's connections to all replicas; each request goes to one of them at random."""

    def __init__(self, urls: Sequence[str], record: Record, rng: random.Random) -> None:
        super().__init__(urls[0], record)
        self._connections = ExitStack()
        self._replicas = [
            self._connections.enter_context(
                httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
            )
            for url in urls
        ]
        self._rng = rng

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connections.close()
        super().__exit__()

    def call(self, method: str, path: str, **options: Any) -> httpx.Response | None:  # noqa: ANN401
        """As of one server; after a failure it waits a moment, as `Retry-After` asks for."""
        response = super().call(method, path, **options)
        if response is None or response.status_code == 429:
            time.sleep(self._rng.uniform(AGAIN_S, 5 * AGAIN_S))
        return response

    def stream(self, body: dict[str, Any], reader: str | None = None) -> Streamed | None:
        """POST /chat as a stream; None when it was cut off or ended with a documented error."""
        try:
            with self._rng.choice(self._replicas).stream(
                "POST", "/chat", json={**body, "stream": True}, headers=_headers(reader)
            ) as response:
                if response.status_code != 200:
                    response.read()
                    self._check(response.status_code, response.text)
                    return None
                return self._read(response)
        except httpx.TimeoutException:
            self._record.violation(f"a stream said nothing for {TIMEOUT_S:.0f} s")
        except httpx.TransportError:
            self._record.count("streams cut off")
        return None

    def asked_for(self, reader: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """A question on behalf of somebody."""
        response = self.call("POST", path, json=body, headers=_headers(reader))
        return None if response is None or not response.is_success else dict(response.json())

    def _read(self, response: httpx.Response) -> Streamed | None:
        name, said = "", ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = json.loads(line.removeprefix("data: "))
                if name == "token":
                    said += str(data["text"])
                elif name == "error":
                    self._check(503, json.dumps(data))
                    return None
                elif name == "done":
                    return Streamed(said, data)
        self._record.violation("a stream ended without done or error")
        return None

    def _check(self, status: int, body: str) -> None:
        try:
            code = json.loads(body)["error"]
        except (ValueError, KeyError):
            code = body[:200]
        if code in DOCUMENTED.get(status, frozenset()):
            self._record.count(f"{status} {code}, streamed")
        else:
            self._record.violation(f"a stream: {status} {code}")

    def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        ends_s = time.monotonic() + AWAY_LIMIT_S
        while True:
            try:
                response = self._rng.choice(self._replicas).request(method, path, **options)
            except httpx.ConnectError:
                if time.monotonic() > ends_s:
                    raise
                time.sleep(AGAIN_S)
                continue
            status = response.status_code
            if status in DOCUMENTED:
                said = response.json()
                if said["error"] not in DOCUMENTED[status] or "Retry-After" not in response.headers:
                    self._record.violation(f"{method} {path}: {status} {response.text[:300]}")
            return response


def _headers(reader: str | None) -> dict[str, str]:
    return {} if reader is None else {ON_BEHALF_OF: reader}
