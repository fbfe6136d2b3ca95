"""Waiting until nothing is under way, and one more chance for what killed parsers have failed."""

from __future__ import annotations

import time
from typing import Any

from bench.chaos.record import Record
from bench.chaos.service import Service
from bench.chaos.texts import Text
from corpus.values import FINAL_STATUSES

# A job of a killed worker waits for its lease at most, a failed one for its next try.
STUCK_AFTER_S = 180.0
LOOK_EVERY_S = 0.5

# What a document may fail with when the parser or the worker is killed under it again and again.
OF_KILLS = frozenset({"parser_crashed", "ingestion_interrupted", "internal_error"})


def wait_until_quiet(service: Service, record: Record) -> list[dict[str, Any]]:
    """All documents once every one of them is in a final state; a violation when none moves."""
    moved_s = time.monotonic()
    before: list[tuple[Any, ...]] = []
    while True:
        documents = list(service.documents())
        states = [(one["id"], one["version"], one["status"], one["progress"]) for one in documents]
        if all(one["status"] in FINAL_STATUSES for one in documents):
            return documents
        if states != before:
            before, moved_s = states, time.monotonic()
        if time.monotonic() - moved_s > STUCK_AFTER_S:
            stuck = [state for state in states if state[2] not in FINAL_STATUSES]
            record.violation(f"stuck for {STUCK_AFTER_S:.0f} s: {stuck[:20]}")
            return documents
        time.sleep(LOOK_EVERY_S)


def send_failed_ones_again(
    service: Service, record: Record, documents: list[dict[str, Any]], shared: list[Text]
) -> int:
    """Send again, as their owners would, what failed because of the kills; how many there were."""
    sent = [*shared, *(text for account in record.accounts for text in account.sent)]
    by_sha256 = {text.sha256: text for text in sent}
    failed = [one for one in documents if one["status"] == "failed"]
    for one in failed:
        if one["error"]["code"] not in OF_KILLS:
            record.violation(f"{one['filename']} failed: {one['error']}")
        service.replace(one["id"], by_sha256[one["content_sha256"]])
    return len(failed)
