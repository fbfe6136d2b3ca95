"""How an error looks over HTTP."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ErrorBody(BaseModel):
    """Every error has this shape."""

    error: str = Field(description="Stable code.", examples=["document_not_found"])
    detail: str = Field(description="One sentence for a person.")
    hint: str = Field(description="What to do about it.")
    request_id: str = Field(description="Also in the X-Request-ID header and the server's log.")
