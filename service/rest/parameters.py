"""What stands in addresses: ids, and where a page of a list begins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, JsonValue

from corpus.names import COLLECTION_NAME

DocumentId = Annotated[str, Path(description="The document's `id`.")]
ConversationId = Annotated[str, Path(description="The conversation's `id`.")]
AnswerId = Annotated[str, Path(description="The `answer_id` of a reply.")]

PageNumber = Annotated[int, Path(description="The page, counted from 1.")]

InCollection = Annotated[str | None, Query(description="Only what belongs to this collection.")]
Cursor = Annotated[
    str | None, Query(description="`next_cursor` of the page before; none: the first page.")
]
# Told here, checked by `check_collection_name`, which has a code of its own for it.
NAME_RULE: dict[str, JsonValue] = {"pattern": f"^{COLLECTION_NAME}$"}
CollectionName = Annotated[str, Field(json_schema_extra=NAME_RULE)]
PAGE_SIZE = "How many, at most."
