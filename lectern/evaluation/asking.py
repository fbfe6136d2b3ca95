"""Put golden questions to a server: what it finds, what it answers, how long it takes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.client import Client
from lectern.evaluation.golden import Golden

TOP_K = 50
_BLANK_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what came back.

    `hits` are those of /search for the question as /chat understood it, best first, `answer` is
    the object of /chat. `verbatim` says of each citation whether its quote stands at its offsets on
    its page. `paragraph_span` is the golden paragraph's (start, end) in the document's text, end
    exclusive, if there is one.
    """

    golden: Golden
    hits: Sequence[dict[str, Any]]
    answer: dict[str, Any]
    verbatim: Sequence[bool]
    paragraph_span: tuple[int, int] | None
    search_ms: float
    chat_ms: float


class Asker:
    """Asks one collection, one question after the other."""

    def __init__(self, client: Client, collection: str) -> None:
        self._client = client
        self._collection = collection
        # One document's pages at most: golden sets go through a document after the other.
        self._page: dict[str, Any] = {}

    def missing_documents(self, questions: Sequence[Golden]) -> list[str]:
        """File names that answerable questions refer to and the collection does not have."""
        there = {document["filename"] for document in self._client.documents(self._collection)}
        wanted = {golden.document for golden in questions if golden.has_place and golden.document}
        return sorted(wanted - there)

    def ask(self, questions: Sequence[Golden], on_progress: Callable[[int], None]) -> list[Asked]:
        """Ask all, in order; `on_progress` counts. Raises ServerError."""
        asked = []
        for done, golden in enumerate(questions, start=1):
            asked.append(self._ask(golden))
            on_progress(done)
        return asked

    def _ask(self, golden: Golden) -> Asked:
        conversation_id = self._held(golden.history)
        try:
            asked_s = time.perf_counter()
            answer = self._client.answer(
                golden.question, self._collection, conversation_id=conversation_id, keep=False
            )
            answered_s = time.perf_counter()
        finally:
            if conversation_id is not None:
                self._client.delete_conversation(conversation_id)
        # What a follow-up leaves out is not there to be searched for.
        searching_s = time.perf_counter()
        hits = self._client.search(answer["standalone_question"], self._collection, TOP_K)
        searched_s = time.perf_counter()
        return Asked(
            golden=golden,
            hits=hits,
            answer=answer,
            verbatim=[self._is_verbatim(citation) for citation in answer["citations"]],
            paragraph_span=self._paragraph_span(golden, hits),
            search_ms=(searched_s - searching_s) * 1000,
            chat_ms=(answered_s - asked_s) * 1000,
        )

    def _held(self, history: Sequence[str]) -> str | None:
        """The conversation in which these questions were asked; None without any."""
        conversation_id: str | None = None
        for question in history:
            answer = self._client.answer(
                question, self._collection, conversation_id=conversation_id
            )
            conversation_id = answer["conversation_id"]
        return conversation_id

    def _is_verbatim(self, citation: dict[str, Any]) -> bool:
        page = self._page_of(citation["document_id"], citation["page"])
        first = page["start_char"]
        quoted = page["text"][citation["start_char"] - first : citation["end_char"] - first]
        return bool(quoted) and quoted == citation["quote"]

    def _paragraph_span(
        self, golden: Golden, hits: Sequence[dict[str, Any]]
    ) -> tuple[int, int] | None:
        """Of a document that was found at all; otherwise it does not matter."""
        ids = [hit["document_id"] for hit in hits if hit["filename"] == golden.document]
        if golden.paragraph is None or not ids:
            return None
        page = self._page_of(ids[0], 1)
        spans = paragraph_spans(page["text"])
        if golden.paragraph >= len(spans):
            return None
        start, end = spans[golden.paragraph]
        return page["start_char"] + start, page["start_char"] + end

    def _page_of(self, document_id: str, number: int) -> dict[str, Any]:
        if (self._page.get("document_id"), self._page.get("page")) != (document_id, number):
            self._page = self._client.page(document_id, number)
        return self._page


def paragraph_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each paragraph, end exclusive: what stands between blank lines."""
    spans, start = [], 0
    for gap in _BLANK_LINES.finditer(text):
        spans.append((start, gap.start()))
        start = gap.end()
    spans.append((start, len(text)))
    return [span for span in spans if text[slice(*span)].strip()]
