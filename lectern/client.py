"""What the commands use of the HTTP interface."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import httpx

TIMEOUT_S = httpx.Timeout(30.0, read=120.0)
READINESS_TIMEOUT_S = 10.0


class ServerError(Exception):
    """The server answered with its error body."""

    def __init__(
        self,
        code: str,
        detail: str,
        hint: str,
        *,
        status: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after_s = retry_after_s
        self.code = code
        self.detail = detail
        self.hint = hint


class Client:
    """One server; close it when done. Threads may share it.

    `find` says where the server is now and with which key, should it have been started again, and
    `ends_with_us` whether it runs only for as long as this command.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        find: Callable[[], tuple[str, str | None] | None] = lambda: None,
        ends_with_us: bool = False,
    ) -> None:
        self.url = url
        self.ends_with_us = ends_with_us
        self._find = find
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self._present(key)

    def look_again(self) -> None:
        """Turn to where the server is now, after it did not answer."""
        found = self._find()
        if found is not None:
            self.url, key = found
            self._http.base_url = self.url
            self._present(key)

    def _present(self, key: str | None) -> None:
        if key is not None:
            self._http.headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def upload(self, path: Path, collection: str) -> dict[str, Any]:
        """Upload one file, streamed from disk; the document as accepted."""
        with path.open("rb") as source:
            return self.send(source, path.name, collection)

    def send(
        self, source: BinaryIO, filename: str, collection: str, *, is_bulk: bool = False
    ) -> dict[str, Any]:
        """Upload what `source` holds, piece by piece; the document as accepted."""
        return self._json(
            "POST",
            "/documents",
            files={"file": (filename, source)},
            data={"collection": collection, "priority": "bulk" if is_bulk else "normal"},
        )

    def known(self, collection: str, hashes: Sequence[str]) -> list[dict[str, Any]]:
        """The documents that files with these sha256 (at most 500) would be duplicates of."""
        body = {"collection": collection, "sha256": list(hashes)}
        found: list[dict[str, Any]] = self._json("POST", "/documents/known", json=body)["documents"]
        return found

    def lookup(self, document_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those of these documents (at most 500) that there are, in no order."""
        body = {"ids": list(document_ids)}
        found: list[dict[str, Any]] = self._json("POST", "/documents/lookup", json=body)[
            "documents"
        ]
        return found

    def document(self, document_id: str) -> dict[str, Any]:
        """One document."""
        return self._json("GET", f"/documents/{document_id}")

    def documents(self, collection: str | None) -> Iterator[dict[str, Any]]:
        """All documents, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            params = {"limit": "200"}
            if collection is not None:
                params["collection"] = collection
            if cursor is not None:
                params["cursor"] = cursor
            page = self._json("GET", "/documents", params=params)
            yield from page["documents"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def delete(self, document_id: str) -> dict[str, Any]:
        """Delete a document; the receipt."""
        return self._json("DELETE", f"/documents/{document_id}")

    def retry(self, document_id: str) -> dict[str, Any]:
        """Have a document read again; the document as queued."""
        return self._json("POST", f"/documents/{document_id}/retry")

    def rollback(self, document_id: str) -> dict[str, Any]:
        """Put back what a document was before its newest version; the document as queued."""
        return self._json("POST", f"/documents/{document_id}/rollback")

    def cancel(self, document_id: str) -> dict[str, Any]:
        """Stop a document's ingestion; the document as it is then."""
        return self._json("POST", f"/documents/{document_id}/cancel")

    def readiness(self) -> dict[str, Any]:
        """The body of /readyz, whatever its status."""
        found: dict[str, Any] = self._http.get("/readyz", timeout=READINESS_TIMEOUT_S).json()
        return found

    def page(self, document_id: str, number: int) -> dict[str, Any]:
        """The text of a page, from 1, and where it begins in the document's."""
        return self._json("GET", f"/documents/{document_id}/pages/{number}")

    def search(self, query: str, collection: str, top_k: int) -> list[dict[str, Any]]:
        """At most `top_k` hits, best first."""
        body = {"query": query, "collection": collection, "top_k": top_k}
        hits: list[dict[str, Any]] = self._json("POST", "/search", json=body)["hits"]
        return hits

    def answer(
        self,
        message: str,
        collection: str,
        filters: dict[str, object] | None = None,
        *,
        conversation_id: str | None = None,
        top_k: int | None = None,
        persona: dict[str, str] | None = None,
        keep: bool = True,
    ) -> dict[str, Any]:
        """A whole answer with its citations; nothing is noted of it unless it is to `keep`."""
        body: dict[str, object] = {
            "message": message,
            "collection": collection,
            "filters": filters,
            "conversation_id": conversation_id,
            "top_k": top_k,
            "persona": persona,
            "keep": keep,
        }
        return self._json("POST", "/chat", json=body)

    def explain(self, answer_id: str) -> dict[str, Any]:
        """How an answer came about."""
        return self._json("GET", f"/answers/{answer_id}/explain")

    def delete_conversation(self, conversation_id: str) -> None:
        """Delete a conversation with all that was said in it."""
        self._json("DELETE", f"/conversations/{conversation_id}")

    def collections(self) -> list[dict[str, Any]]:
        """All collections."""
        found: list[dict[str, Any]] = self._json("GET", "/collections")["collections"]
        return found

    def delete_collection(self, name: str) -> None:
        """Delete a collection with its documents and conversations."""
        self._json("DELETE", f"/collections/{name}")

    def request(
        self,
        method: str,
        path: str,
        *,
        on_behalf_of: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401  what httpx takes
    ) -> httpx.Response:
        """Any request, for anybody; the response whatever its status."""
        said = dict(headers or {})
        if on_behalf_of is not None:
            said["X-Lectern-On-Behalf-Of"] = on_behalf_of
        return self._http.request(method, path, headers=said, **options)

    def ask(self, message: str, collection: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Events of a streamed answer: (name, data) up to `done` or `error`."""
        body = {"message": message, "collection": collection, "stream": True}
        with self._http.stream("POST", "/chat", json=body) as response:
            if response.is_error:
                response.read()
                _raise(response)
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        response = self._http.request(method, path, **options)
        if response.is_error:
            _raise(response)
        found: dict[str, Any] = response.json()
        return found


def _raise(response: httpx.Response) -> NoReturn:
    try:
        body = response.json()
        raise ServerError(
            body["error"],
            body["detail"],
            body["hint"],
            status=response.status_code,
            retry_after_s=_seconds(response.headers.get("retry-after", "")),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ServerError(
            "unexpected_answer",
            f"{response.url} answered {response.status_code} and is not a Lectern server.",
            "Check --url.",
        ) from error


def _seconds(header: str) -> float | None:
    return float(header) if header.isdecimal() else None
