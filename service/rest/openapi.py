"""The OpenAPI document: what the framework cannot know of the endpoints.

A route says which errors it may answer (`responses=error_responses(DocumentNotFound)`) and which
events its stream has (`event_stream_of(ChatEvents)`); `complete_openapi` adds, to the routes of
every module alike, summaries, the headers, and the examples of examples.json, which a test records
anew and compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from corpus.errors import (
    ForeignHost,
    InvalidRequest,
    LecternError,
    NotFound,
    NotPermitted,
    RateLimited,
    RequestTooLarge,
    StorageUnavailable,
    Unauthorized,
)
from service.http.access import OPEN
from service.http.error_shape import ErrorBody
from service.http.errors import RETRIED_STATUSES, status_of

Json = dict[str, Any]
Responses = dict[int | str, Json]

DESCRIPTION = """\
Ask your own documents: answers with citations that can be checked.

Every error has one shape, `ErrorBody`: a stable code in `error`, a sentence in `detail`, what to do
in `hint`, and the `request_id`. Every answer has the header `X-Request-ID`; a request may bring one
of its own (up to 64 letters, digits, `.`, `_` and `-`), which is then used. What may work later
(429, 503) says when in `Retry-After`. Where a caller has limits, `RateLimit-Policy` and `RateLimit`
say what is left of them.

Once there is a key, requests need one (`Authorization: Bearer`); its scopes say what it is for:
`read` asks and reads, `write` uploads, changes and deletes documents, `metrics` reads figures,
`admin` may everything. What a caller may not read is not there for them: 404, as for what there
never was.

Only requests that name this service's own hosts are answered (`LECTERN_ALLOWED_HOSTS`). Pages of
other origins get at it when they are named in `LECTERN_CORS_ORIGINS`. Agents talk to `POST /mcp`,
which the Model Context Protocol describes, and clients of OpenAI's API to `/v1`, as OpenAI's own
document says.
"""

TAGS = [
    {"name": "documents", "description": "Upload files, follow them until they answer, read them."},
    {"name": "collections", "description": "Named sets of documents; a question goes to one."},
    {"name": "questions", "description": "Search and ask; answers, why, and what people think."},
    {"name": "conversations", "description": "What was asked and answered before."},
    {"name": "operations", "description": "Whether the service is alive and ready."},
]

# Any request may meet these, whatever it asks for.
EVERYWHERE: tuple[type[LecternError], ...] = (
    Unauthorized,
    ForeignHost,
    NotPermitted,
    RequestTooLarge,
    RateLimited,
    LecternError,
)
# Where a route has one error of such a status, it has the general one too.
_GENERAL: Mapping[int, type[LecternError]] = {
    404: NotFound,
    422: InvalidRequest,
    503: StorageUnavailable,
}

_REQUEST_ID = "0b6ea1cb2d6a4a5e8a1f6a0e2c9d7f43"  # in examples
_SECURITY_SAID = "A key (`lk_...`; `lectern keys create`), or a token of the identity provider."
_REF = "#/components/schemas/{model}"
_HEADERS = {
    "X-Request-ID": "The request's id: in the error body and in the server's log too.",
    "Retry-After": "Seconds after which it may work.",
}
# Notes to ourselves, taken out when the document is completed.
_MODELS, _SHARED_AS = "x-models", "x-shared-as"
_SECURITY = "key"
_METHODS = {"get", "put", "post", "patch", "delete"}


def error_responses(*kinds: type[LecternError]) -> Responses:
    """`responses=` for a route: its errors by status, each with its codes.

    Without being named, there are those of any request, and beside others of their status
    `not_found`, `invalid_request` and `storage_unavailable`.
    """
    by_status: dict[int, dict[str, type[LecternError]]] = {}
    named: tuple[type[LecternError], ...] = (*EVERYWHERE, *kinds)
    for kind in named:
        status = _status_of(kind)
        with_status = by_status.setdefault(status, {})
        if status in _GENERAL:
            with_status[_GENERAL[status].code] = _GENERAL[status]
        with_status[kind.code] = kind
    return {status: _error_response(with_status) for status, with_status in by_status.items()}


def event_stream_of(events: type[BaseModel]) -> Json:
    """The media type of a stream, for `content` of a response; `events` has their data by name.

    The schema is that of one event, as OpenAPI 3.2 has it in `itemSchema`; before 3.2 tools look
    for it in `schema`. Its `data` is a string there, so a client finds the types of what is in it
    in the schema named like `events`.
    """
    described = events.model_json_schema(ref_template=_REF, mode="serialization")
    models = described.pop("$defs", {}) | {events.__name__: described}
    one_of = [
        {
            "type": "object",
            "description": field.description,
            "required": ["event", "data"],
            "properties": {
                "event": {"const": name},
                "data": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": {"$ref": _REF.format(model=field.annotation.__name__)},
                },
            },
        }
        for name, field in events.model_fields.items()
        if field.annotation is not None
    ]
    return {"text/event-stream": {"schema": {"oneOf": one_of}, _MODELS: models}}


def complete_openapi(app: FastAPI) -> None:
    """Have `/openapi.json` say the rest too; before the first request."""
    framework = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is None:
            _complete(framework())
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def operations(document: Json) -> Iterator[Json]:
    """All operations of an OpenAPI document."""
    for path in document["paths"].values():
        for method, operation in path.items():
            if method in _METHODS:
                yield operation


def _complete(document: Json) -> None:
    examples = json.loads(files("service.rest").joinpath("examples.json").read_text("utf-8"))
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.setdefault("ErrorBody", ErrorBody.model_json_schema(ref_template=_REF))
    components["headers"] = {
        name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.items()
    }
    components["securitySchemes"] = {
        _SECURITY: {"type": "http", "scheme": "bearer", "description": _SECURITY_SAID}
    }
    # The other one: a service without keys answers its own machine.
    document["security"] = [{_SECURITY: []}, {}]
    for path in OPEN & document["paths"].keys():
        for operation in document["paths"][path].values():
            operation["security"] = []
    for operation in operations(document):
        operation["summary"] = _first_clause(operation.get("description", ""))
        for parameter in operation.get("parameters", ()):
            _add_example(parameter, examples["parameters"].get(parameter["name"]))
        _add_examples(operation, examples["operations"].get(operation["operationId"], {}))
        _complete_responses(operation["responses"], components)


def _complete_responses(responses: Json, components: Json) -> None:
    """Add the headers, and put what is alike in many operations in one place."""
    for status, response in sorted(responses.items()):
        del responses[status]
        response["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in _HEADERS
            if name != "Retry-After" or int(status) in RETRIED_STATUSES
        }
        for content in response.get("content", {}).values():
            for name, schema in content.pop(_MODELS, {}).items():
                components["schemas"].setdefault(name, schema)
        responses[status] = response
        if shared := response.pop(_SHARED_AS, None):
            components.setdefault("responses", {})[shared] = response
            responses[status] = {"$ref": f"#/components/responses/{shared}"}


def _add_examples(operation: Json, examples: Json) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _add_example(content, examples.get("request"))
    for status, by_media_type in examples.get("responses", {}).items():
        for media_type, example in by_media_type.items():
            _add_example(operation["responses"][status]["content"][media_type], example)


def _add_example(place: Json, example: object) -> None:
    if example is not None:
        place["example"] = example


def _first_clause(description: str) -> str:
    return re.split(r"[.;:](?:\s|$)", " ".join(description.split()), maxsplit=1)[0]


def _status_of(kind: type[LecternError]) -> int:
    return status_of(kind(""))


def _error_response(kinds: dict[str, type[LecternError]]) -> Json:
    status = HTTPStatus(_status_of(next(iter(kinds.values()))))
    said = {code: _sentence(kind) for code, kind in sorted(kinds.items())}
    codes = {"type": "object", "properties": {"error": {"enum": [*said]}}}
    return {
        _SHARED_AS: "-".join(said),
        "description": "\n".join(
            [f"{status.phrase}:", "", *(f"- `{code}`: {text}" for code, text in said.items())]
        ),
        "content": {
            "application/json": {
                "schema": {"allOf": [{"$ref": _REF.format(model="ErrorBody")}, codes]},
                "examples": {
                    code: {
                        "value": {
                            "error": code,
                            "detail": text,
                            "hint": kinds[code].default_hint,
                            "request_id": _REQUEST_ID,
                        }
                    }
                    for code, text in said.items()
                },
            }
        },
    }


def _sentence(kind: type[LecternError]) -> str:
    if kind is LecternError:
        return "The service failed for a reason of its own."
    return (kind.__doc__ or "").partition("\n")[0]
