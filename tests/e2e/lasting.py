"""What of an answer over HTTP is the same in every run, and how the rest is made to look so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from corpus.values import Status

# What differs from run to run: ids, times, figures that are rounded differently on other machines,
# and how far a document came meanwhile.
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")
ON_ITS_WAY = {status for status in Status if not status.is_final}
KNOWN_AT_ONCE = {"id", "collection", "filename", "version", "metadata", "acl", "duplicate"}
PASSING = {"timings_ms", "waiting", "eta_s", "progress"}


def lasting(value: object) -> object:
    """The value without what differs from run to run."""
    if isinstance(value, dict) and value.get("status") in ON_ITS_WAY:
        return {key: lasting(value[key]) for key in value.keys() & KNOWN_AT_ONCE}
    if isinstance(value, dict):
        return {key: lasting(one) for key, one in value.items() if key not in PASSING}
    if isinstance(value, list):
        return [lasting(one) for one in value]
    if isinstance(value, str):
        return _lasting_text(value)
    return "FIGURE" if isinstance(value, float) else value


def _lasting_text(text: str) -> object:
    if text.startswith("event: "):
        blocks = [block.split("\ndata: ") for block in text.strip().split("\n\n")]
        return [[name, lasting(json.loads(data))] for name, data in blocks]
    return TIME.sub("TIME", ID.sub("ID", text))


def numbered(json_text: str) -> str:
    """The text with ids and times that count up in the order in which they appear first."""
    began = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def id_of(number: int) -> str:
        return str(UUID(int=number, version=4))

    def time_of(number: int) -> str:
        return f"{began + timedelta(seconds=number):%Y-%m-%dT%H:%M:%S.000000Z}"

    return _renamed(TIME, time_of, _renamed(ID, id_of, json_text))


def _renamed(pattern: re.Pattern[str], name: Callable[[int], str], text: str) -> str:
    names: dict[str, str] = {}

    def rename(found: re.Match[str]) -> str:
        return names.setdefault(found.group(), name(len(names) + 1))

    return pattern.sub(rename, text)


def kept_where_the_same(before: object, after: object) -> object:
    """`after`, with the parts of `before` that only differ in what differs from run to run."""
    if lasting(before) == lasting(after):
        return before
    if isinstance(before, dict) and isinstance(after, dict):
        return {
            key: kept_where_the_same(before[key], value) if key in before else value
            for key, value in after.items()
        }
    return after
