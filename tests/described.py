"""The application as it describes itself, without a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from fastapi import FastAPI

from corpus.settings import Settings
from corpus.tracing import UNTRACED
from service.app import create_app
from service.measures import NOT_MEASURED
from service.parts import ServiceParts


def openapi_app() -> FastAPI:
    """To be asked for its `openapi()` only: it has none of its parts."""
    parts = SimpleNamespace(
        settings=Settings(_env_file=None), measures=NOT_MEASURED, tracing=UNTRACED
    )
    return create_app(cast("ServiceParts", parts))
