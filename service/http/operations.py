"""Whether the process is alive, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from corpus.errors import LecternError, Unavailable
from service.http.state import Parts

router = APIRouter(tags=["operations"])


@router.get("/")
async def root() -> dict[str, str]:
    """Where to go from here."""
    return {"service": "lectern", "api": "/openapi.json", "health": "/readyz"}


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers. Touches nothing else."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(parts: Parts, response: Response) -> dict[str, object]:
    """200 when questions and uploads can be served; each dependency with its own word."""
    checks = {
        "registry": _check(parts.registry.ping),
        "index": _check(lambda: parts.store.count(None)),
        "worker": "ok" if parts.worker_is_alive() else "no worker is alive",
    }
    ready = all(word == "ok" for word in checks.values())
    response.status_code = 200 if ready else 503
    mode = "extractive" if parts.llm is None else parts.llm.metadata.model_name
    return {"status": "ready" if ready else "not_ready", "checks": checks, "llm": mode}


def _check(dependency: Callable[[], object]) -> str:
    try:
        dependency()
    except (Unavailable, SQLAlchemyError) as error:
        return error.detail if isinstance(error, LecternError) else "the database does not answer"
    return "ok"
