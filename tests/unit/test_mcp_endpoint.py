from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from corpus.errors import LecternError, StorageUnavailable
from corpus.keys import new_secret
from corpus.registry.database.engine import Registry
from service.app import create_app
from tests.doubles.parts import parts_with


class FailingRegistry:
    """A registry whose every unit of work raises what `error` makes."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._error = error

    def read(self) -> None:
        raise self._error()


def call(error: Callable[[], Exception], times: int = 1) -> list[dict[str, Any]]:
    """The results of calls at the same time, over HTTP without a socket."""
    # Of the operator's key the registry is not asked.
    parts, key = parts_with(cast("Registry", FailingRegistry(error))), new_secret("local")
    app = create_app(parts, operator_key=key)
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "list_documents", "arguments": {}},
    }
    headers = {
        "accept": "application/json",
        "authorization": f"Bearer {key}",
        "x-request-id": "call-7",
    }

    async def send() -> list[dict[str, Any]]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            posts = [client.post("/mcp", json=message, headers=headers) for _ in range(times)]
            responses = await asyncio.gather(*posts)
        assert {response.status_code for response in responses} == {200}
        return [response.json()["result"] for response in responses]

    return asyncio.run(send())


def test_a_bug_of_ours_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    (result,) = call(lambda: ZeroDivisionError("a secret of ours"))
    assert result["isError"]
    text = result["content"][0]["text"]
    assert text.startswith(f"{LecternError.code}: ")
    assert "call-7" in text
    assert "secret" not in str(result)
    assert "structuredContent" not in result
    assert "a secret of ours" in caplog.text
    assert "call-7" in caplog.text


def test_what_is_away_is_said_and_noted_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    def away() -> Exception:
        error = StorageUnavailable("The registry does not answer.")
        error.__cause__ = OSError("no route to 10.1.2.3")
        return error

    with caplog.at_level(logging.WARNING):
        (result,) = call(away)
    assert result["isError"]
    code, _, rest = result["content"][0]["text"].partition(": ")
    assert code == "storage_unavailable"
    assert rest == f"The registry does not answer.\n{StorageUnavailable.default_hint}"
    assert "no route to 10.1.2.3" in caplog.text


def test_first_calls_that_come_together_are_all_answered() -> None:
    results = call(lambda: StorageUnavailable("Away."), times=8)
    assert len(results) == 8
    assert all(result["isError"] for result in results)


def test_the_sdk_is_not_loaded_before_anybody_calls() -> None:
    code = "import sys, service.app; print('mcp' in sys.modules, 'service.mcp' in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert loaded.stdout.split() == ["False", "True"]
