"""What the tools return: typed for programs, and the same as text for models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime

from llama_index.core.schema import NodeWithScore
from pydantic import BaseModel, Field

from corpus.errors import InvalidRequest
from corpus.values import Document, PageText, Status
from service.answering.citations import Citation
from service.answering.events import AnswerDone, AnswerState, UnsupportedSentence
from service.asking.answers import AnswerBegun
from service.asking.searching import Found

MAX_PAGE_CHARS = 20_000  # about 5,000 tokens: a page of a text file may be the whole file


class Result(BaseModel, ABC):
    """A tool's result."""

    @abstractmethod
    def as_text(self) -> str:
        """All that a model needs of it; lines that begin with `> ` are text of documents."""


class PassageFound(BaseModel):
    """A passage; offsets count characters in the document's text, `score` orders the passages."""

    document_id: str
    filename: str
    page: int
    text: str
    score: float
    start_char: int
    end_char: int

    @classmethod
    def of(cls, found: NodeWithScore) -> PassageFound:
        """Shape a node."""
        meta = found.node.metadata
        return cls(
            document_id=meta["document_id"],
            filename=meta["filename"],
            page=meta["page"],
            text=found.node.get_content(),
            score=found.score or 0.0,
            start_char=meta["start_char"],
            end_char=meta["end_char"],
        )


class SearchResult(Result):
    """Passages, best first; `degraded` names what was missing to find them."""

    passages: list[PassageFound]
    degraded: list[str]

    @classmethod
    def of(cls, found: Found) -> SearchResult:
        """Shape what was found."""
        return cls(
            passages=[PassageFound.of(node) for node in found.nodes],
            degraded=list(found.degraded),
        )

    def as_text(self) -> str:
        """Each passage under the place where it stands."""
        if not self.passages:
            return "No passage was found."
        return "\n\n".join(
            [f"{_place(passage)}\n{_quoted(passage.text)}" for passage in self.passages]
            + _degraded(self.degraded)
        )


class AskResult(Result):
    """An answer; each `[n]` in it is the citation with that id.

    `unsupported` are the sentences that no cited passage carries; they make an answer `partial`.
    `nearest` are the closest sentences where the state is `not_in_documents`: places to look at, no
    answers. `model` wrote the answer; `degraded` names what was missing to make it.
    """

    answer_id: str
    state: AnswerState
    answer: str
    citations: list[Citation]
    unsupported: list[UnsupportedSentence]
    nearest: list[Citation]
    model: str
    degraded: list[str]

    @classmethod
    def of(cls, begun: AnswerBegun, done: AnswerDone) -> AskResult:
        """Shape a whole answer."""
        return cls(
            answer_id=begun.answer_id,
            state=done.state,
            answer=done.answer,
            citations=list(done.citations),
            unsupported=list(done.unsupported),
            nearest=list(done.nearest),
            model=done.model,
            degraded=list(done.degraded),
        )

    def as_text(self) -> str:
        """The answer, then what it stands on and what of it stands on nothing."""
        said = [f"State: {self.state}", self.answer, *_cited(self.citations)]
        if self.unsupported:
            sentences = "\n".join(f"- {sentence.text}" for sentence in self.unsupported)
            said.append(f"Sentences that no cited passage carries:\n{sentences}")
        if self.nearest:
            said += ["The closest sentences, which do not answer the question:"]
            said += _cited(self.nearest)
        return "\n\n".join(said + _degraded(self.degraded))


class DocumentEntry(BaseModel):
    """A document; what follows `filename` speaks of its newest version."""

    document_id: str
    collection: str
    filename: str
    media_type: str
    status: Status
    pages: int = Field(description="0 while it is not read yet.")
    error: str | None = Field(description="Why it failed.")
    created_at: datetime

    @classmethod
    def of(cls, document: Document) -> DocumentEntry:
        """Shape a document."""
        error = document.error
        return cls(
            document_id=document.id,
            collection=document.collection,
            filename=document.filename,
            media_type=document.media_type,
            status=document.status,
            pages=document.pages,
            error=None if error is None else f"{error.code}: {error.detail}",
            created_at=document.created_at,
        )

    def as_line(self) -> str:
        """One line."""
        error = "" if self.error is None else f" ({self.error})"
        return (
            f"{self.filename}: document_id {self.document_id}, collection {self.collection}, "
            f"{self.status}{error}, pages: {self.pages}, added {self.created_at:%Y-%m-%d}"
        )


class ListDocumentsResult(Result):
    """Newest first; `next_cursor` is null when there are no more."""

    documents: list[DocumentEntry]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[Document], next_cursor: str | None) -> ListDocumentsResult:
        """Shape a page of the list."""
        return cls(documents=[DocumentEntry.of(one) for one in found], next_cursor=next_cursor)

    def as_text(self) -> str:
        """A line for each document."""
        if not self.documents:
            return "There is no such document."
        lines = [document.as_line() for document in self.documents]
        if self.next_cursor is not None:
            lines.append(f"There are more: call again with cursor {self.next_cursor}")
        return "\n".join(lines)


class ReadPageResult(Result):
    """Text of a page: the document's text from `start_char` to `end_char` (end exclusive).

    `next_start_char` is where the page goes on; null at its end.
    """

    document_id: str
    filename: str
    page: int
    text: str
    start_char: int
    end_char: int
    next_start_char: int | None

    @classmethod
    def of(
        cls, document_id: str, filename: str, page: PageText, start_char: int | None
    ) -> ReadPageResult:
        """Shape `MAX_PAGE_CHARS` of the page; `InvalidRequest` for a start that is not on it."""
        page_end = page.start_char + len(page.text)
        start = page.start_char if start_char is None else start_char
        if not page.start_char <= start <= page_end:
            raise InvalidRequest(
                f"start_char is {start}, and page {page.number} of {filename} goes "
                f"from {page.start_char} to {page_end}.",
                hint="Leave start_char out, or pass next_start_char of the result before.",
            )
        end = min(start + MAX_PAGE_CHARS, page_end)
        return cls(
            document_id=document_id,
            filename=filename,
            page=page.number,
            text=page.text[start - page.start_char : end - page.start_char],
            start_char=start,
            end_char=end,
            next_start_char=end if end < page_end else None,
        )

    def as_text(self) -> str:
        """The text under the place where it stands."""
        said = [f"{_place(self)}\n{_quoted(self.text)}" if self.text else "This page has no text."]
        if self.next_start_char is not None:
            said.append(f"The page goes on: call again with start_char {self.next_start_char}.")
        return "\n\n".join(said)


def _place(found: PassageFound | Citation | ReadPageResult) -> str:
    return (
        f"{found.filename}, page {found.page} (document_id {found.document_id}, "
        f"characters {found.start_char} to {found.end_char})"
    )


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _cited(citations: Iterable[Citation]) -> list[str]:
    return [f"[{one.id}] {_place(one)}\n{_quoted(one.quote)}" for one in citations]


def _degraded(names: list[str]) -> list[str]:
    return [f"Degraded: {', '.join(names)}"] if names else []
