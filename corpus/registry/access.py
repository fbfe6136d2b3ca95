"""Who may read which document, as conditions of SQL.

Documents with the same `acl` have one audience, whose principals are rows of their own: so a
condition asks an index, and reads no list of principals.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    cast,
    insert,
    or_,
    select,
    true,
    update,
)

from corpus.access import Reader, audience
from corpus.registry.locks import lock_audience
from corpus.registry.schema import audiences, documents

_BATCH = 1_000


def access_columns(connection: Connection, acl: Collection[str]) -> dict[str, object]:
    """What a row of `documents` says of this list; its audience is known from now on."""
    name = audience(acl)
    if name is not None:
        _make_known(connection, name, acl)
    return {"acl": list(acl), "audience": name}


def is_readable(reader: Reader) -> ColumnElement[bool]:
    """Of a row of `documents`: this reader may read it."""
    conditions: list[ColumnElement[bool]] = [true()]
    if reader.collections is not None:
        conditions.append(documents.c.collection.in_(sorted(reader.collections)))
    if reader.principals is not None:
        theirs = audiences.c.principal.in_(sorted(reader.principals))
        conditions.append(
            or_(
                # A process of the version before writes an `acl` and no audience.
                documents.c.audience.is_(None) & (cast(documents.c.acl, Text) == "[]"),
                documents.c.audience.in_(select(audiences.c.audience).where(theirs)),
            )
        )
    return and_(*conditions)


def hidden_from(
    connection: Connection, collection: str, reader: Reader, *, limit: int
) -> Sequence[str]:
    """Ids of the collection's documents that this reader may not read, at most `limit`."""
    if reader.principals is None:
        return ()
    return _ids(
        connection,
        documents.c.collection == collection,
        ~is_readable(reader),
        limit=limit,
    )


def readable_by(
    connection: Connection, collection: str, reader: Reader, *, limit: int
) -> Sequence[str]:
    """Ids of those that this reader may read, at most `limit`."""
    return _ids(connection, documents.c.collection == collection, is_readable(reader), limit=limit)


def align_audiences(connection: Connection) -> int:
    """Have documents' audiences say what their `acl` does; how many did not.

    While servers of the version before run beside, they change the one without the other.
    """
    last, mended = "", 0
    while True:
        rows = connection.execute(
            select(documents.c.id, documents.c.acl, documents.c.audience)
            .where(documents.c.id > last)
            .order_by(documents.c.id)
            .limit(_BATCH)
        ).all()
        for document_id, acl, known in rows:
            if audience(acl) != known:
                columns = access_columns(connection, acl)
                is_it = documents.c.id == document_id
                connection.execute(update(documents).where(is_it).values(columns))
                mended += 1
        if len(rows) < _BATCH:
            return mended
        last = rows[-1].id


def _ids(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> Sequence[str]:
    live = (documents.c.deleted_at.is_(None), documents.c.live_version.is_not(None))
    rows = connection.execute(select(documents.c.id).where(*live, *conditions).limit(limit))
    return rows.scalars().all()


def _make_known(connection: Connection, name: str, acl: Collection[str]) -> None:
    known = select(audiences.c.audience).where(audiences.c.audience == name).limit(1)
    if connection.execute(known).first() is not None:
        return
    lock_audience(connection, name)
    if connection.execute(known).first() is None:
        rows = [{"audience": name, "principal": one} for one in sorted(set(acl))]
        connection.execute(insert(audiences), rows)
