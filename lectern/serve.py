"""`lectern serve`: the API process, which owns the index, with its worker beside it."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from corpus.errors import Misconfigured, UnsafeBinding
from corpus.settings import Settings
from lectern.data_dir import announce, owned
from lectern.embedded_worker import EmbeddedWorker
from lectern.wiring import WorkerHooks, service_parts
from service.app import create_app

SHUTDOWN_GRACE_S = 10


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM."""
    _require_loopback(settings.host)
    with owned(settings.data_dir), _bound(settings) as listener:
        worker = EmbeddedWorker(settings)
        hooks = WorkerHooks(wake=worker.wake, is_alive=worker.is_alive)
        with service_parts(settings, hooks) as parts:
            worker.start(parts.registry, parts.store)
            try:
                _run(create_app(parts), settings, listener)
            finally:
                worker.stop()


def _run(app: FastAPI, settings: Settings, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @asynccontextmanager
    async def announced(_app: FastAPI) -> AsyncIterator[None]:
        announce(settings.data_dir, url)
        mode = "extractive answers (no LLM)" if settings.llm == "extractive" else settings.llm
        print(f"Lectern serves {settings.data_dir} at {url} — {mode}")
        print("No keys are configured, so it listens on this machine only.", flush=True)
        yield

    app.router.lifespan_context = announced
    config = uvicorn.Config(
        app,
        log_level=settings.log_level,
        access_log=settings.log_level == "debug",
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
    )
    # uvicorn ends in order, then raises the signal once more under the handlers that it found. The
    # default ones would end this process before the worker and the index are closed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])


def _bound(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise Misconfigured(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.",
            hint="Stop what uses the port, or choose another with --port or LECTERN_PORT.",
        ) from error
    return listener


def _require_loopback(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise UnsafeBinding(
            f"LECTERN_HOST is {host}, where others could reach it, and there are no keys.",
            hint="Use 127.0.0.1, behind a proxy that authenticates.",
        )
