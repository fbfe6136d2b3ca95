"""Requests with files: streamed to the staging folder before the endpoint is called.

The framework would keep every file in memory or open until the last one is there. Here the
declared form stays as it is (so the description of the interface does too), and only who reads the
body is another.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
from anyio import to_thread
from fastapi import Request, Response, params
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect

from corpus.errors import NotPermitted
from corpus.keys import Scope as KeyScope
from service.accepting import MIB
from service.http.refusing import drained
from service.http.state import caller_of
from service.parts import ServiceParts
from service.rest.form_parts import FormParts

# Taken apart and written in a thread, this much at a time; as much may wait in memory.
FEED_BYTES = 256 << 10

log = logging.getLogger("lectern.http")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ReceivingRoute(APIRoute):
    """A route whose form, when it has one, is received by us; its files are `ReceivedFile`s.

    What the endpoint does not keep of them is removed when it returns.
    """

    def get_route_handler(self) -> Handler:
        """The framework's handler, with a form that is read already."""
        handle = super().get_route_handler()
        if self.body_field is None or not isinstance(self.body_field.field_info, params.Form):
            return handle

        async def receive_and_handle(request: Request) -> Response:
            try:
                # The framework asks only when the body is there.
                caller_of(request).require(KeyScope.WRITE)
            except NotPermitted:
                await drained(request.scope, request.receive)
                raise
            try:
                async with _received(request) as form:
                    return await handle(_WithForm(request, form))
            except ClientDisconnect:
                log.info("an upload was broken off by its client")
                return Response(status_code=499)  # nobody is there to read it

        return receive_and_handle


class _WithForm(Request):
    def __init__(self, request: Request, form: FormData) -> None:
        super().__init__(request.scope, request.receive)
        self._received = form

    async def form(self, **_limits: object) -> FormData:  # type: ignore[override]
        return self._received


@asynccontextmanager
async def _received(request: Request) -> AsyncIterator[FormData]:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        yield FormData()  # no files: the framework says what is missing
        return
    parts = cast("ServiceParts", request.app.state.parts)
    files = parts.originals.receive()
    intake = await to_thread.run_sync(files.__enter__)
    try:
        form = FormParts(
            content_type,
            intake,
            # A document has one file: several would replace each other unseen.
            max_files=1 if request.method == "PUT" else parts.settings.max_files,
            max_file_bytes=parts.settings.max_file_mb * MIB,
        )
        try:
            await _feed(request, form)
            yield FormData([*form.items])
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(form.close)
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(files.__exit__, None, None, None)


async def _feed(request: Request, form: FormParts) -> None:
    """Read the body; the next bytes are asked for when these are on the disk."""
    held: list[bytes] = []
    held_bytes = 0
    async for piece in request.stream():
        held.append(piece)
        held_bytes += len(piece)
        if held_bytes >= FEED_BYTES:
            await to_thread.run_sync(form.feed, b"".join(held))
            held, held_bytes = [], 0
    await to_thread.run_sync(form.feed, b"".join(held))
    form.finish()
