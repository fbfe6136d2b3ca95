"""Conversations and their turns, as the registry keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Rating = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Questions to one collection, one after the other; `turns` of them were answered.

    `owner` is the `Reader.owner` of whoever began it.
    """

    id: str
    collection: str
    title: str
    turns: int
    created_at: datetime
    updated_at: datetime
    owner: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and how it was answered.

    `id` is the answer's. `ordinal` counts from 1 within the conversation, in the order in which
    answers were complete. `reply` is what the caller was told (the answer's text, state, citations
    and so on, as JSON); `trace` how it came about, None once that was given up. `document_ids` are
    the documents whose text the answer may hold. Where one of them was deleted, `is_removed` and
    both are empty: what was said of it is deleted with it. With an `embedding` (of the standalone
    question, float32) the question may be suggested to others; it is not read back.
    """

    id: str
    conversation_id: str | None
    collection: str
    question: str
    standalone_question: str
    created_at: datetime
    reply: Mapping[str, Any]
    trace: Mapping[str, Any] | None = None
    document_ids: frozenset[str] = field(default_factory=frozenset)
    embedding: bytes | None = None
    ordinal: int = 0
    is_removed: bool = False
    owner: str | None = None
    rating: Rating | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question that stands alone and has an answer, with its embedding (float32)."""

    answer_id: str
    question: str
    embedding: bytes
