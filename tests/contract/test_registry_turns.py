from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from corpus.access import UNRESTRICTED
from corpus.errors import AnswerNotFound, ConversationNotFound, InvalidRequest
from corpus.originals.folder import FolderOriginals
from corpus.registry.conversations import (
    MAX_TITLE_CHARS,
    begin_conversation,
    delete_conversation,
    drop_empty_conversations,
    expire_conversations,
    find_conversation,
    list_conversations,
    rename_conversation,
)
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import bury
from corpus.registry.schema import answer_sources, answers, asked
from corpus.registry.turns import (
    asked_questions,
    expire_answers,
    expire_traces,
    find_turn,
    holding_answers,
    keep_turn,
    rate_answer,
    remove_answers_from_nowhere,
    turns_of,
)
from corpus.turns import Turn
from tests.contract.test_registry_documents import add

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REPLY = {"state": "answered", "answer": "Ninety [1].", "citations": [{"quote": "Ninety."}]}


def turn(conversation_id: str | None, number: int = 1, **changed: Any) -> Turn:  # noqa: ANN401
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "conversation_id": conversation_id,
        "collection": "default",
        "question": f"Question {number}?",
        "standalone_question": f"Question {number} of Acme?",
        "created_at": NOW + timedelta(seconds=number),
        "reply": REPLY,
        "trace": {"prompt": "secret"},
    }
    return Turn(**values | changed)


def begin(registry: Registry, *turns: int) -> str:
    """A conversation with turns of these numbers."""
    with registry.write() as connection:
        conversation_id = begin_conversation(connection, "default", "A title", None)
        for number in turns:
            keep_turn(connection, turn(conversation_id, number))
    return conversation_id


def test_turns_come_back_in_their_order(registry: Registry) -> None:
    conversation_id = begin(registry, 1, 2, 3)
    with registry.read() as connection:
        found = turns_of(connection, conversation_id, UNRESTRICTED, last=99)
        assert [(one.ordinal, one.question) for one in found] == [
            (1, "Question 1?"),
            (2, "Question 2?"),
            (3, "Question 3?"),
        ]
        assert turns_of(connection, conversation_id, UNRESTRICTED, last=2) == found[1:]
        whole = find_turn(connection, found[0].id, UNRESTRICTED)
        assert replace(whole, trace=None) == found[0]
        assert (whole.reply, whole.trace) == (REPLY, {"prompt": "secret"})
        conversation = find_conversation(connection, conversation_id, UNRESTRICTED)
    assert (conversation.turns, conversation.updated_at) == (3, NOW + timedelta(seconds=3))


def test_parallel_turns_are_ordered_and_none_is_lost(registry: Registry) -> None:
    conversation_id = begin(registry)

    def keep(number: int) -> None:
        with registry.write() as connection:
            assert keep_turn(connection, turn(conversation_id, number))

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with registry.read() as connection:
        found = turns_of(connection, conversation_id, UNRESTRICTED, last=99)
    assert [one.ordinal for one in found] == list(range(1, 21))
    assert {one.question for one in found} == {f"Question {number}?" for number in range(20)}


def test_conversations_are_listed_page_by_page_the_last_used_first(registry: Registry) -> None:
    ids = [begin(registry, number) for number in (1, 2, 3)]
    begin(registry)  # nothing was answered in it
    with registry.write() as connection:
        other = begin_conversation(connection, "other", "x" * 500, None)
        keep_turn(connection, turn(other, 4, collection="other"))
    with registry.read() as connection:
        first, cursor = list_conversations(
            connection, UNRESTRICTED, collection="default", limit=2, cursor=None
        )
        rest, end = list_conversations(
            connection, UNRESTRICTED, collection="default", limit=2, cursor=cursor
        )
        everything, _ = list_conversations(
            connection, UNRESTRICTED, collection=None, limit=9, cursor=None
        )
    assert [one.id for one in first + rest] == ids[::-1]
    assert end is None
    assert [one.id for one in everything] == [other, *ids[::-1]]
    assert len(everything[0].title) == MAX_TITLE_CHARS


def test_a_made_up_cursor_is_refused(registry: Registry) -> None:
    with registry.read() as connection, pytest.raises(InvalidRequest):
        list_conversations(connection, UNRESTRICTED, collection=None, limit=2, cursor="nonsense")


def test_a_conversation_is_renamed_and_deleted_with_what_was_said(registry: Registry) -> None:
    conversation_id, other = begin(registry, 1, 2), begin(registry, 3)
    with registry.write() as connection:
        assert rename_conversation(connection, conversation_id, "New", UNRESTRICTED).title == "New"
        first = turns_of(connection, conversation_id, UNRESTRICTED, last=99)[0]
        keep_turn(connection, turn(conversation_id, 5, document_ids=frozenset({"d"})))
        delete_conversation(connection, conversation_id, UNRESTRICTED)
    with registry.write() as connection:
        with pytest.raises(ConversationNotFound):
            find_conversation(connection, conversation_id, UNRESTRICTED)
        with pytest.raises(ConversationNotFound):
            delete_conversation(connection, conversation_id, UNRESTRICTED)
        with pytest.raises(ConversationNotFound):
            rename_conversation(connection, conversation_id, "x", UNRESTRICTED)
        with pytest.raises(AnswerNotFound):
            find_turn(connection, first.id, UNRESTRICTED)
        assert not keep_turn(connection, turn(conversation_id, 9))
        assert len(connection.execute(select(answers)).all()) == len(
            turns_of(connection, other, UNRESTRICTED, last=99)
        )
        assert connection.execute(select(answer_sources)).all() == []


def test_an_answer_is_rated_and_the_last_rating_holds(registry: Registry) -> None:
    conversation_id = begin(registry, 1)
    with registry.write() as connection:
        (kept,) = turns_of(connection, conversation_id, UNRESTRICTED, last=99)
        rate_answer(connection, kept.id, "up", None, UNRESTRICTED)
        rate_answer(connection, kept.id, "down", "wrong page", UNRESTRICTED)
        found = find_turn(connection, kept.id, UNRESTRICTED)
        assert (found.rating, found.comment) == ("down", "wrong page")
        with pytest.raises(AnswerNotFound):
            rate_answer(connection, "nobody", "up", None, UNRESTRICTED)


def test_what_is_said_of_a_deleted_document_goes_with_it(
    registry: Registry, tmp_path: Path
) -> None:
    document_id = add(registry, FolderOriginals(tmp_path / "originals"), b"text")
    conversation_id = begin(registry, 1)
    with registry.write() as connection:
        kept = turn(conversation_id, 2, document_ids=frozenset({document_id}))
        keep_turn(connection, kept)
        bury(connection, document_id, UNRESTRICTED)
    with registry.read() as connection:
        other, removed = turns_of(connection, conversation_id, UNRESTRICTED, last=99)
        row = connection.execute(select(answers).where(answers.c.id == kept.id)).one()
    assert not other.is_removed
    assert removed.is_removed
    assert (removed.reply, removed.trace) == ({}, None)
    assert removed.standalone_question == removed.question == "Question 2?"
    assert (row.reply, row.trace, row.standalone_question) == ({}, None, "Question 2?")


def test_an_answer_kept_after_its_document_went_is_never_shown(registry: Registry) -> None:
    conversation_id = begin(registry)
    with registry.write() as connection:
        kept = turn(conversation_id, 1, document_ids=frozenset({"deleted meanwhile"}))
        keep_turn(connection, kept)
    with registry.read() as connection:
        assert find_turn(connection, kept.id, UNRESTRICTED).is_removed
    with registry.write() as connection:
        remove_answers_from_nowhere(connection)
        row = connection.execute(select(answers)).one()
        assert (row.reply, row.trace, row.is_removed) == ({}, None, True)
        assert connection.execute(select(answer_sources)).all() == []


def test_what_is_kept_long_enough_is_given_up(registry: Registry) -> None:
    old, fresh = begin(registry, 1), begin(registry, 2)
    alone = turn(None, 3)
    recent = turn(None, 4, created_at=datetime.now(UTC))
    day = timedelta(days=1)
    with registry.write() as connection:
        keep_turn(connection, alone)
        keep_turn(connection, recent)
        keep_turn(connection, turn(fresh, 5, created_at=datetime.now(UTC)))
        expire_traces(connection, day)
        expire_answers(connection, day)
        of_fresh = turns_of(connection, fresh, UNRESTRICTED, last=99)
        whole = [find_turn(connection, one.id, UNRESTRICTED) for one in of_fresh]
        assert [one.trace is None for one in whole] == [True, False]
        assert find_turn(connection, recent.id, UNRESTRICTED).trace is not None
        with pytest.raises(AnswerNotFound):
            find_turn(connection, alone.id, UNRESTRICTED)
        expire_conversations(connection, day)
        with pytest.raises(ConversationNotFound):
            find_conversation(connection, old, UNRESTRICTED)
        assert len(turns_of(connection, fresh, UNRESTRICTED, last=99)) == 2


def test_a_conversation_in_which_nothing_was_answered_is_dropped(registry: Registry) -> None:
    empty, used = begin(registry), begin(registry, 1)
    with registry.write() as connection:
        drop_empty_conversations(connection, timedelta(days=1))
        find_conversation(connection, empty, UNRESTRICTED)
        drop_empty_conversations(connection, timedelta(0))
        find_conversation(connection, used, UNRESTRICTED)
        with pytest.raises(ConversationNotFound):
            find_conversation(connection, empty, UNRESTRICTED)


def suggested(registry: Registry, collection: str = "default") -> list[str]:
    with registry.read() as connection:
        asked = asked_questions(connection, collection, limit=10)
        holding = holding_answers(connection, [one.answer_id for one in asked], UNRESTRICTED)
    return [one.question for one in asked if one.answer_id in holding]


def test_only_questions_whose_answers_still_hold_are_suggested(
    registry: Registry, tmp_path: Path
) -> None:
    originals = FolderOriginals(tmp_path / "originals")
    document_id = add(registry, originals, b"text")
    sources = frozenset({document_id})
    now = datetime.now(UTC)
    kept = turn(None, 1, document_ids=sources, embedding=b"1234", created_at=now)
    disliked = turn(None, 2, document_ids=sources, embedding=b"1234", created_at=now)
    with registry.write() as connection:
        keep_turn(connection, kept)
        keep_turn(connection, disliked)
        keep_turn(connection, turn(None, 3, document_ids=sources, created_at=now))
        rate_answer(connection, disliked.id, "down", None, UNRESTRICTED)
    assert suggested(registry) == ["Question 1 of Acme?"]
    assert suggested(registry, "other") == []
    with registry.write() as connection:
        rate_answer(connection, kept.id, "up", None, UNRESTRICTED)
    assert suggested(registry) == ["Question 1 of Acme?"]
    add(registry, originals, b"another text")  # its next version
    assert suggested(registry) == []


def test_a_deleted_documents_questions_are_suggested_to_nobody(
    registry: Registry, tmp_path: Path
) -> None:
    document_id = add(registry, FolderOriginals(tmp_path / "originals"), b"text")
    now = datetime.now(UTC)
    kept = turn(None, document_ids=frozenset({document_id}), embedding=b"1234", created_at=now)
    with registry.write() as connection:
        keep_turn(connection, kept)
    assert suggested(registry) == ["Question 1 of Acme?"]
    with registry.write() as connection:
        bury(connection, document_id, UNRESTRICTED)
        assert connection.execute(select(asked)).all() == []
    assert suggested(registry) == []


def test_a_question_to_suggest_goes_with_its_answer(registry: Registry) -> None:
    conversation_id = begin(registry)
    with registry.write() as connection:
        keep_turn(connection, turn(conversation_id, 1, embedding=b"1234"))
        keep_turn(connection, turn(None, 2, embedding=b"1234"))
        delete_conversation(connection, conversation_id, UNRESTRICTED)
        assert [row.question for row in connection.execute(select(asked))] == [
            "Question 2 of Acme?"
        ]
        expire_answers(connection, timedelta(0))
        assert connection.execute(select(asked)).all() == []
