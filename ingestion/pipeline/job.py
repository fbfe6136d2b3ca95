"""What a worker has taken on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """One version to ingest.

    `claims` counts the tries without an outcome, this one included, and `failures` the tries that
    failed for a reason that may pass.
    """

    id: str
    document_id: str
    version: int
    claims: int
    failures: int
