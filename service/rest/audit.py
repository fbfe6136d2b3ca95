"""The audit log, for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from corpus.errors import InvalidRequest, NotPermitted, StorageUnavailable
from corpus.registry.audit_log import Entry, list_entries
from service.http.recorder import Recorder
from service.http.state import Administers, Parts
from service.rest.openapi import error_responses
from service.rest.parameters import PAGE_SIZE, Cursor

router = APIRouter(tags=["operations"])


class EntryBody(BaseModel):
    """Who did what to what, and how it ended."""

    at: datetime
    who: str = Field(description="The key or person, and for whom they asked.")
    action: str = Field(description="What was done.", examples=["document.delete", "key.create"])
    subject: str | None = Field(description="An id, or the name of a collection or key.")
    outcome: str = Field(description="`ok`, or the code of the error.")
    request_id: str | None = Field(description="Finds the request in the server's log.")

    @classmethod
    def of(cls, entry: Entry) -> EntryBody:
        """Shape an entry."""
        return cls.model_validate(entry, from_attributes=True)


class AuditBody(BaseModel):
    """A page of the audit log, the newest first."""

    entries: list[EntryBody]
    next_cursor: str | None


@router.get(
    "/audit",
    operation_id="readAudit",
    responses=error_responses(InvalidRequest, NotPermitted, StorageUnavailable),
)
def read(
    request: Request,
    parts: Parts,
    reader: Administers,
    action: Annotated[
        str | None, Query(max_length=64, description="Only such actions: document.delete.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description=PAGE_SIZE)] = 100,
    cursor: Cursor = None,
) -> AuditBody:
    """What was done, by whom: uploads, changes and deletions, changes of keys, what was refused.

    No word of a document or question is in it.
    """
    if not reader.sees_every_document:
        raise NotPermitted(
            "The audit log is of all collections.", hint="Use a key that is for all of them."
        )
    cast("Recorder", request.app.state.recorder).flush()
    with parts.registry.read() as connection:
        found, next_cursor = list_entries(connection, action=action, limit=limit, cursor=cursor)
    return AuditBody(entries=[EntryBody.of(one) for one in found], next_cursor=next_cursor)
