"""Every endpoint, fed by Schemathesis with what its own description allows, and what it forbids.

Per operation: its examples, the edges of its schema one by one, wrong methods, then made-up data. A
fixed number of cases and always the same ones; each is answered within `PATIENCE_S`, never with a
5xx, and as the document says: status, headers, content type, shape, error code, every event of a
stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    positive_data_acceptance,
)

from tests.described import openapi_app
from tests.e2e.server import LecternServer

CASES_PER_OPERATION = 25
PATIENCE_S = 20.0
ERROR_KEYS = {"error", "detail", "hint", "request_id"}

schema = schemathesis.openapi.from_dict(openapi_app().openapi())


@dataclass(frozen=True)
class Known:
    """What is there: most ids that somebody makes up are not."""

    document_id: str
    conversation_id: str
    answer_id: str


@pytest.fixture(scope="module")
def known(server: LecternServer) -> Known:
    document = server.add("tides.txt", b"The tide turns at noon.", collection="station")
    answer = server.chat("When does the tide turn?", collection="station")
    return Known(document["id"], answer["conversation_id"], answer["answer_id"])


@schema.parametrize()
@settings(
    max_examples=CASES_PER_OPERATION,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_it_answers_as_described(case: Any, server: LecternServer, known: Known) -> None:  # noqa: ANN401
    if case.method != "DELETE":
        for name, made_up in case.path_parameters.items():
            if hasattr(known, name) and sum(map(ord, str(made_up))) % 2:
                case.path_parameters[name] = getattr(known, name)
    response = case.call(base_url=server.url, timeout=PATIENCE_S)
    case.validate_response(
        response,
        additional_checks=[one_error_shape],
        excluded_checks=[
            # No schema can say what a cursor is, or JSON inside a form.
            positive_data_acceptance,
            # It does not know that /documents/known is a /documents/{document_id} too.
            allow_header_conformance,
            # In a multipart form everything is bytes, and any bytes may be a file.
            *([negative_data_rejection] if case.media_type == "multipart/form-data" else []),
        ],
    )


@schemathesis.check
def one_error_shape(ctx: Any, response: Any, case: Any) -> None:  # noqa: ANN401
    (request_id,) = response.headers["x-request-id"]
    if response.status_code >= 400:
        assert set(response.json()) == ERROR_KEYS
        assert response.json()["request_id"] == request_id
