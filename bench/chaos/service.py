"""The service as a client of the run sees it: it answers, or nobody knows what it did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Self

import httpx

from bench.chaos.ledger import Listed
from bench.chaos.record import Record
from bench.chaos.texts import Text

TIMEOUT_S = 120.0
AWAY_LIMIT_S = 120.0
AGAIN_S = 0.2


class Service:
    """One client's connection; close it when done."""

    def __init__(self, url: str, record: Record) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self._record = record

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, **options: Any) -> httpx.Response | None:  # noqa: ANN401
        """The answer, or None: it was cut off, or says itself that it does not know (503).

        Waits for a service that is away: what could not even be sent was not taken.
        """
        try:
            response = self._sent(method, path, **options)
        except httpx.TimeoutException:
            self._record.violation(f"{method} {path} was not answered within {TIMEOUT_S:.0f} s")
            return None
        except httpx.TransportError:
            self._record.count("requests cut off")
            return None
        if response.status_code == 503:
            self._record.count(f"503 {response.json()['error']}")
            return None
        if response.status_code >= 500:
            self._record.violation(f"{method} {path}: {response.status_code} {response.text[:300]}")
            return None
        return response

    def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        ends_s = time.monotonic() + AWAY_LIMIT_S
        while True:
            try:
                return self._http.request(method, path, **options)
            except httpx.ConnectError:
                if time.monotonic() > ends_s:
                    raise
                time.sleep(AGAIN_S)

    def upload(
        self, text: Text, collection: str, *, external_id: str | None = None, round_: int = 0
    ) -> httpx.Response | None:
        """POST /documents."""
        form = {"collection": collection, "metadata": f'{{"round": {round_}}}'}
        if external_id is not None:
            form["external_id"] = external_id
        files = {"file": (text.filename, text.content)}
        return self.call("POST", "/documents", files=files, data=form)

    def replace(self, document_id: str, text: Text) -> httpx.Response | None:
        """PUT /documents/{id}."""
        files = {"file": (text.filename, text.content)}
        return self.call("PUT", f"/documents/{document_id}", files=files)

    def hits(self, query: str, collection: str, top_k: int = 20) -> list[dict[str, Any]] | None:
        """POST /search."""
        body = {"query": query, "collection": collection, "top_k": top_k}
        response = self.call("POST", "/search", json=body)
        return None if response is None else list(response.json().get("hits", []))

    def answer(self, question: str, collection: str) -> dict[str, Any] | None:
        """POST /chat."""
        response = self.call("POST", "/chat", json={"message": question, "collection": collection})
        return None if response is None else dict(response.json())

    def documents(self) -> Iterator[dict[str, Any]]:
        """GET /documents, page by page; ends early when the service goes away."""
        cursor: str | None = None
        while True:
            params = {"limit": "200", **({} if cursor is None else {"cursor": cursor})}
            response = self.call("GET", "/documents", params=params)
            if response is None:
                return
            page = response.json()
            yield from page["documents"]
            cursor = page["next_cursor"]
            if cursor is None:
                return


def listed(body: dict[str, Any]) -> Listed:
    """A document's body, as the ledger compares it."""
    return Listed(body["id"], body["content_sha256"], body["metadata"].get("round"))


def said_in(said: dict[str, Any] | list[dict[str, Any]], texts: Iterable[Text]) -> set[Text]:
    """Those of the texts whose words an answer of /chat, or the hits of /search, use."""
    if isinstance(said, dict):
        quotes = [str(citation["quote"]) for citation in said.get("citations", [])]
        words = " ".join([str(said.get("answer", "")), *quotes])
    else:
        words = " ".join(str(hit["text"]) for hit in said)
    return {text for text in texts if text.marker in words}
