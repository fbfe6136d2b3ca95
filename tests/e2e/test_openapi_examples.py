"""The examples of the OpenAPI document are what a server answers today."""

from __future__ import annotations

import json

from tests.e2e.lasting import lasting
from tests.e2e.record_examples import EXAMPLES, record
from tests.e2e.server import LecternServer


def test_the_examples_are_what_a_server_answers(server: LecternServer) -> None:
    recorded = lasting(record(server))
    written = lasting(json.loads(EXAMPLES.read_text("utf-8")))
    assert written == recorded, f"python -m {record.__module__} writes {EXAMPLES.name} anew"
