"""Default deny: a route that says nothing of who may call it does not pass here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

import service.openai_api
import service.rest
import service.slack.endpoint
import service.web.page
from service.http import state
from service.http.access import OPEN, OPEN_BELOW, READINESS
from service.http.audit import ACTIONS, QUESTIONS
from tests.described import openapi_app

PERMISSIONS = {
    state._reads,
    state._asks,
    state._writes,
    state._measures,
    state._administers,
}
# It asks by itself: service/mcp/call.py.
ASKS_ITSELF = {"/mcp"}
# What is sent by POST and changes nothing.
READS_ONLY = {"/documents/known", "/documents/lookup", "/feedback"}


def api_routes() -> Iterator[APIRoute]:
    """Of all routers that there are, whether the application has them by default or not."""
    names = [service.web.page.__name__, service.slack.endpoint.__name__]
    for package in (service.rest, service.openai_api):
        found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        names.extend(one.name for one in found)
    for module in map(importlib.import_module, names):
        router = getattr(module, "router", None)
        for route in router.routes if router else ():
            assert isinstance(route, APIRoute)
            yield route


def calls_of(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from calls_of(one)


def methods_of(route: APIRoute) -> set[str]:
    return set(route.methods or ())


def is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW) or path == READINESS


def test_every_endpoint_names_what_its_caller_must_be_allowed() -> None:
    routes = list(api_routes())
    assert len(routes) > 30
    for route in routes:
        named = PERMISSIONS & set(calls_of(route.dependant))
        assert len(named) == (0 if is_open(route.path) else 1), route.path


def test_the_application_has_no_other_routes() -> None:
    def plain(routes: list[BaseRoute]) -> set[str]:
        return {one.path for one in routes if type(one) is Route}

    assert plain(openapi_app().router.routes) - OPEN == ASKS_ITSELF


def test_everything_that_changes_something_is_noted() -> None:
    noted = set(ACTIONS) | set(QUESTIONS)
    changing = {
        (method, route.path)
        for route in api_routes()
        for method in methods_of(route) - {"GET"}
        if not is_open(route.path) and route.path not in READS_ONLY
    }
    assert changing <= noted
    there = {(method, route.path) for route in api_routes() for method in methods_of(route)}
    assert noted - there == {("POST", "/mcp")}
