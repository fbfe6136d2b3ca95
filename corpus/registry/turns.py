"""What was asked and answered: kept, read, rated, and given up with the documents it speaks of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from corpus.access import Reader
from corpus.errors import AnswerNotFound
from corpus.registry.access import is_readable
from corpus.registry.expiring import hold_old_ones
from corpus.registry.locks import hold_collection
from corpus.registry.schema import answer_sources, answers, asked, conversations, documents
from corpus.turns import AskedQuestion, Rating, Turn

REMOVED: dict[str, object] = {}
_DOCUMENTS_AT_ONCE = 1_000  # the rest comes the next time
# A trace has a prompt in it, and whoever reads a conversation asks for none.
_WITHOUT_TRACE = [one for one in answers.c if one.name != "trace"]


def keep_turn(connection: Connection, turn: Turn) -> bool:
    """Keep a turn as its conversation's last one; False when that was deleted meanwhile.

    So is a turn of no conversation whose collection was deleted.
    """
    ordinal = 0
    is_there = hold_collection(connection, turn.collection)
    if not is_there and turn.conversation_id is None and turn.document_ids:
        return False
    if turn.conversation_id is not None:
        counted = connection.execute(
            update(conversations)
            .where(conversations.c.id == turn.conversation_id)
            .values(turns=conversations.c.turns + 1, updated_at=turn.created_at)
            .returning(conversations.c.turns)
        ).scalar_one_or_none()
        if counted is None:
            return False
        ordinal = counted
    connection.execute(
        insert(answers).values(
            id=turn.id,
            conversation_id=turn.conversation_id,
            ordinal=ordinal,
            collection=turn.collection,
            owner=turn.owner,
            question=turn.question,
            standalone_question=turn.standalone_question,
            reply=turn.reply,
            trace=turn.trace,
            created_at=turn.created_at,
        )
    )
    if turn.embedding is not None:
        connection.execute(
            insert(asked).values(
                answer_id=turn.id,
                collection=turn.collection,
                question=turn.standalone_question,
                embedding=turn.embedding,
                created_at=turn.created_at,
            )
        )
    if turn.document_ids:
        connection.execute(
            insert(answer_sources),
            [{"answer_id": turn.id, "document_id": one} for one in sorted(turn.document_ids)],
        )
    return True


def find_turn(connection: Connection, answer_id: str, reader: Reader) -> Turn:
    """The turn with this answer, or `AnswerNotFound`, also for somebody else's."""
    row = connection.execute(select(answers).where(*_is(answer_id, reader))).first()
    if row is None:
        raise AnswerNotFound(f"There is no answer {answer_id!r}.")
    return _turns(connection, [row], reader)[0]


def turns_of(
    connection: Connection, conversation_id: str, reader: Reader, *, last: int
) -> list[Turn]:
    """The `last` turns of a conversation, in their order, without their traces.

    Whose it is was asked before; what the reader may not read any more is as if deleted.
    """
    query = (
        select(*_WITHOUT_TRACE)
        .where(answers.c.conversation_id == conversation_id)
        .order_by(answers.c.ordinal.desc())
        .limit(last)
    )
    return _turns(connection, list(reversed(connection.execute(query).all())), reader)


def asked_questions(connection: Connection, collection: str, *, limit: int) -> list[AskedQuestion]:
    """The last questions that others may be shown, newest first, if `holding_answers` has them."""
    rows = connection.execute(
        select(asked.c.answer_id, asked.c.question, asked.c.embedding)
        .where(asked.c.collection == collection)
        .order_by(asked.c.created_at.desc())
        .limit(limit)
    )
    return [AskedQuestion(*row) for row in rows]


def holding_answers(
    connection: Connection, answer_ids: Collection[str], reader: Reader
) -> set[str]:
    """Those that nobody disliked, and whose sources the reader may all read, unchanged since."""
    changed = (
        select(answer_sources.c.answer_id)
        .select_from(answer_sources)
        .outerjoin(documents, documents.c.id == answer_sources.c.document_id)
        .where(
            answer_sources.c.answer_id == answers.c.id,
            documents.c.id.is_(None)
            | documents.c.deleted_at.is_not(None)
            | (documents.c.updated_at > answers.c.created_at)
            | ~is_readable(reader),
        )
    )
    holding = select(answers.c.id).where(
        answers.c.id.in_(list(answer_ids)),
        answers.c.is_removed.is_(False),
        answers.c.rating.is_distinct_from("down"),
        ~changed.exists(),
    )
    return set(connection.execute(holding).scalars())


def rate_answer(
    connection: Connection, answer_id: str, rating: Rating, comment: str | None, reader: Reader
) -> None:
    """Note what somebody thinks of an answer, instead of what was noted before.

    Raises `AnswerNotFound`, also for somebody else's.
    """
    rated = connection.execute(
        update(answers)
        .where(*_is(answer_id, reader))
        .values(rating=rating, comment=comment, rated_at=datetime.now(UTC))
    )
    if rated.rowcount == 0:
        raise AnswerNotFound(f"There is no answer {answer_id!r}.")


def remove_answers_from(connection: Connection, document_ids: Collection[str]) -> None:
    """Give up what answers say that may come from these documents; the questions stay."""
    # Locked in one order: two deletions may meet in several answers.
    of_them = (
        select(answers.c.id)
        .join(answer_sources, answer_sources.c.answer_id == answers.c.id)
        .where(answer_sources.c.document_id.in_(list(document_ids)))
        .order_by(answers.c.id)
        .with_for_update(of=answers)
    )
    connection.execute(
        update(answers)
        .where(answers.c.id.in_(of_them), ~answers.c.is_removed)
        .values(
            reply=REMOVED,
            trace=None,
            standalone_question=answers.c.question,
            is_removed=True,
        )
    )
    from_them = select(answer_sources.c.answer_id).where(
        answer_sources.c.document_id.in_(list(document_ids))
    )
    connection.execute(delete(asked).where(asked.c.answer_id.in_(from_them)))


def remove_answers_from_nowhere(connection: Connection) -> None:
    """The same for documents that were deleted while an answer from them was being kept."""
    gone = (
        select(answer_sources.c.document_id)
        .distinct()
        .outerjoin(documents, documents.c.id == answer_sources.c.document_id)
        .where(documents.c.id.is_(None) | documents.c.deleted_at.is_not(None))
    )
    document_ids = list(connection.execute(gone.limit(_DOCUMENTS_AT_ONCE)).scalars())
    remove_answers_from(connection, document_ids)
    # An answer that is kept at this moment is not removed yet, and keeps its sources until it is.
    removed = select(answers.c.id).where(answers.c.is_removed)
    connection.execute(
        delete(answer_sources).where(
            answer_sources.c.document_id.in_(document_ids),
            answer_sources.c.answer_id.in_(removed),
        )
    )


def expire_traces(connection: Connection, older_than: timedelta) -> int:
    """Give up how a batch of answers of that age came about; how many: 0 when none is left."""
    has_one = answers.c.trace.is_not(None)
    ids = hold_old_ones(connection, answers, answers.c.created_at, older_than, has_one)
    connection.execute(update(answers).where(answers.c.id.in_(ids)).values(trace=None))
    return len(ids)


def expire_answers(connection: Connection, older_than: timedelta) -> int:
    """Delete a batch of answers of that age that belong to no conversation; how many, as above."""
    is_alone = answers.c.conversation_id.is_(None)
    ids = hold_old_ones(connection, answers, answers.c.created_at, older_than, is_alone)
    connection.execute(delete(answer_sources).where(answer_sources.c.answer_id.in_(ids)))
    connection.execute(delete(answers).where(answers.c.id.in_(ids)))
    return len(ids)


def _is(answer_id: str, reader: Reader) -> tuple[ColumnElement[bool], ...]:
    is_it = answers.c.id == answer_id
    return (is_it,) if reader.owner is None else (is_it, answers.c.owner == reader.owner)


def _turns(
    connection: Connection, rows: Sequence[Row[tuple[object, ...]]], reader: Reader
) -> list[Turn]:
    sources: dict[str, set[str]] = {row.id: set() for row in rows}
    found = connection.execute(
        select(answer_sources.c.answer_id, answer_sources.c.document_id, documents.c.id)
        .select_from(answer_sources)
        .outerjoin(
            documents,
            (documents.c.id == answer_sources.c.document_id)
            & documents.c.deleted_at.is_(None)
            & is_readable(reader),
        )
        .where(answer_sources.c.answer_id.in_(list(sources)))
    )
    gone = set()
    for answer_id, document_id, there in found:
        sources[answer_id].add(document_id)
        if there is None:
            gone.add(answer_id)
    return [_turn(row, sources[row.id], row.is_removed or row.id in gone) for row in rows]


def _turn(row: Row[tuple[object, ...]], document_ids: Collection[str], is_removed: bool) -> Turn:
    return Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        ordinal=row.ordinal,
        collection=row.collection,
        owner=row.owner,
        question=row.question,
        standalone_question=row.question if is_removed else row.standalone_question,
        created_at=row.created_at,
        reply=REMOVED if is_removed else row.reply,
        trace=None if is_removed else getattr(row, "trace", None),
        document_ids=frozenset(document_ids),
        is_removed=is_removed,
        rating=row.rating,
        comment=row.comment,
    )
