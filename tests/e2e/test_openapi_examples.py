"""The examples of the OpenAPI document are what a server answers today."""

from __future__ import annotations

import json
import re

from corpus.values import Status
from tests.e2e.record_examples import EXAMPLES, record
from tests.e2e.server import LecternServer

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


def test_the_examples_are_what_a_server_answers(server: LecternServer) -> None:
    recorded = lasting(record(server))
    written = lasting(json.loads(EXAMPLES.read_text("utf-8")))
    assert written == recorded, f"python -m {record.__module__} writes {EXAMPLES.name} anew"
