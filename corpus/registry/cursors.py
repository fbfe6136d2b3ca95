"""Where a page of a list ended: a time and an id, in a form that callers pass back."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

from corpus.errors import InvalidRequest


def write_cursor(moment: datetime, last_id: str) -> str:
    """The cursor of what comes after this one."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()}/{last_id}".encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """Time (UTC) and id of the last one; `InvalidRequest` for what `write_cursor` did not make."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode()).decode()
        moment, last_id = raw.split("/")
        return datetime.fromisoformat(moment).astimezone(UTC), last_id
    except (ValueError, OverflowError, binascii.Error) as error:
        raise InvalidRequest(
            "The cursor is not one that this service gave.",
            hint="Pass next_cursor of the page before, unchanged.",
        ) from error
