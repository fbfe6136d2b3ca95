"""What every operation of the OpenAPI document must say, whoever adds one."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

import service.rest
from corpus.errors import InvalidRequest, MalformedJson, MalformedUpload
from service.rest.openapi import EVERYWHERE, TAGS, operations
from tests.described import openapi_app

DOCUMENT = openapi_app().openapi()
OPERATIONS = {operation.get("operationId"): operation for operation in operations(DOCUMENT)}

every_operation = pytest.mark.parametrize("name", OPERATIONS)


def routes_of_all_modules() -> Iterator[APIRoute]:
    for module in pkgutil.iter_modules(service.rest.__path__, "service.rest."):
        router = getattr(importlib.import_module(module.name), "router", None)
        for route in router.routes if router else ():
            assert isinstance(route, APIRoute)
            if route.methods != {"HEAD"}:  # as GET, and described with it
                yield route


def resolved(response: dict[str, Any]) -> dict[str, Any]:
    """The response itself, where it is shared."""
    reference = response.get("$ref")
    if reference is None:
        return response
    shared: dict[str, Any] = DOCUMENT["components"]["responses"][reference.rpartition("/")[2]]
    return shared


def responses_of(name: str) -> dict[int, dict[str, Any]]:
    found = OPERATIONS[name]["responses"]
    return {int(status): resolved(response) for status, response in found.items()}


def codes_of(name: str, status: int) -> set[str]:
    content = responses_of(name)[status]["content"]["application/json"]
    return set(content["schema"]["allOf"][1]["properties"]["error"]["enum"])


def contents_of(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every media type of an operation, and where it is."""
    for media_type, content in OPERATIONS[name].get("requestBody", {}).get("content", {}).items():
        yield f"request {media_type}", content
    for status, response in responses_of(name).items():
        for media_type, content in response.get("content", {}).items():
            yield f"{status} {media_type}", content


def examples_in(place: dict[str, Any]) -> list[Any]:
    named = [example["value"] for example in place.get("examples", {}).values()]
    return named + ([place["example"]] if "example" in place else [])


def expect_valid(value: object, schema: dict[str, Any]) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    assert [error.message for error in Draft202012Validator(whole).iter_errors(value)] == []


def test_the_document_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    validate(DOCUMENT)


def test_every_route_is_described_under_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in operations(DOCUMENT)]
    assert len(names) == len(set(names))
    assert set(names) == {route.operation_id for route in routes_of_all_modules()}
    for name in names:
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]*)*", name), f"{name}: give it an operation_id"


def test_the_shape_of_the_frameworks_own_errors_appears_nowhere() -> None:
    assert "ValidationError" not in json.dumps(DOCUMENT)


@every_operation
def test_an_operation_says_what_it_does_and_takes(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["description"]
    assert 0 < len(operation["summary"]) <= 100
    assert {*operation["tags"]} <= {tag["name"] for tag in TAGS}
    for parameter in operation.get("parameters", ()):
        assert parameter["description"], parameter["name"]


@every_operation
def test_an_operation_documents_its_errors(name: str) -> None:
    operation = OPERATIONS[name]
    statuses = responses_of(name)
    for status, kind in zip((401, 403, 403, 413, 429, 500), EVERYWHERE, strict=True):
        assert kind.code in codes_of(name, status)
    if operation.get("parameters") or "requestBody" in operation:
        assert InvalidRequest.code in codes_of(name, 422)
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        assert 404 in statuses
    body = operation.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        assert MalformedJson.code in codes_of(name, 400)
    if "multipart/form-data" in body:
        assert MalformedUpload.code in codes_of(name, 400)
    for status, response in statuses.items():
        assert "X-Request-ID" in response["headers"]
        assert ("Retry-After" in response["headers"]) == (status in {429, 503})
        if status >= 400:
            assert set(response["content"]) == {"application/json"}


@every_operation
def test_an_operation_has_examples_that_its_schemas_allow(name: str) -> None:
    for where, content in contents_of(name):
        examples = examples_in(content)
        if where.endswith(" application/json") and not where.startswith("503"):
            assert examples, where
        if where.endswith("text/event-stream"):
            assert examples, where
            events = [event_of(block) for text in examples for block in text.split("\n\n") if block]
            assert events
            for event in events:
                expect_valid(event, content["schema"])
                expect_valid(json.loads(event["data"]), data_schema(content["schema"], event))
        else:
            for example in examples:
                expect_valid(example, content["schema"])
    for parameter in OPERATIONS[name].get("parameters", ()):
        for example in examples_in(parameter):
            expect_valid(example, parameter["schema"])


def event_of(block: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in block.splitlines())


def data_schema(schema: dict[str, Any], event: dict[str, str]) -> dict[str, Any]:
    (of_name,) = [
        one["properties"]["data"]["contentSchema"]
        for one in schema["oneOf"]
        if one["properties"]["event"]["const"] == event["event"]
    ]
    found: dict[str, Any] = of_name
    return found


def test_the_types_of_what_is_in_events_are_there_by_name() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["ChatEvents"]["properties"]) == {
        "meta",
        "token",
        "citation",
        "done",
        "error",
    }
    assert set(schemas["DocumentEvents"]["properties"]) == {
        "progress",
        "ready",
        "partial",
        "failed",
    }
