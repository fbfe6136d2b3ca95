"""`lectern serve`: the API process, which owns the index, with its worker beside it."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from corpus.errors import Misconfigured, UnsafeBinding
from corpus.keys import LOCAL_ID, new_secret
from corpus.registry.keys import any_keys
from corpus.settings import EXTRACTIVE, Settings
from lectern.server.cleaner import disk_kept_clean
from lectern.server.data_dir import announce, owned
from lectern.server.embedded_worker import EmbeddedWorker
from lectern.server.lifeline import follow_parent
from lectern.server.logs import without_userinfo
from lectern.server.reconciler import reconciled
from lectern.server.starting import awaited_registry
from lectern.server.tracing.open import traced
from lectern.server.wiring import ELSEWHERE, WorkerHooks, service_parts, warn_of_folder
from service.app import create_app
from service.http.hosts import names_beyond
from service.parts import ServiceParts

log = logging.getLogger("lectern.server")

SHUTDOWN_GRACE_S = 10
# What listens everywhere is there on this machine too.
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
LAST_GRACE_S = 30.0  # requests and then the worker have ten seconds each


def serve(
    settings: Settings,
    *,
    with_worker: bool = True,
    with_slack_socket: bool = False,
    until_stdin_ends: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM, or until the end of standard input.

    Raises `Misconfigured` without a worker where none could work from elsewhere, and with
    `with_slack_socket` where Slack's tokens are missing or refused.
    """
    if until_stdin_ends:
        follow_parent(on_end=lambda: os.kill(os.getpid(), signal.SIGTERM), grace_s=LAST_GRACE_S)
    if not with_worker:
        _require_shared_stores(settings)
        warn_of_folder(settings)
    if with_slack_socket:
        from service.slack.preflight import check_socket_mode  # noqa: PLC0415  loads a client

        check_socket_mode(settings)
    with owned(settings.data_dir):
        _require_keys_or_loopback(settings)
        _serve(settings, with_worker=with_worker, with_slack_socket=with_slack_socket)


def _serve(settings: Settings, *, with_worker: bool, with_slack_socket: bool) -> None:
    with _bound(settings) as listener:
        worker = EmbeddedWorker(settings) if with_worker else None
        hooks = ELSEWHERE
        if worker is not None:
            hooks = WorkerHooks(worker.wake, worker.is_alive, worker.figures)
        with (
            traced(settings, "lectern") as traces,
            service_parts(settings, hooks, traces) as parts,
            _working(worker, parts),
            reconciled(parts),
            disk_kept_clean(parts.registry, parts.store),
        ):
            # For the commands on this machine: who may read the data folder needs no key.
            operator_key = new_secret(LOCAL_ID)
            app = create_app(parts, opens_slack_socket=with_slack_socket, operator_key=operator_key)
            traces.watch_app(app)
            _run(app, settings, listener, operator_key)


@contextmanager
def _working(worker: EmbeddedWorker | None, parts: ServiceParts) -> Iterator[None]:
    if worker is None:
        yield
        return
    with _interrupts_kept_from_children():
        worker.start(parts.registry, parts.store)
    try:
        yield
    finally:
        worker.stop()


def _require_shared_stores(settings: Settings) -> None:
    if not settings.stores_are_shared:
        raise Misconfigured(
            "Without a worker beside it, the server needs DATABASE_URL and QDRANT_URL.",
            hint="Set both, and start `lectern worker`; or leave --no-worker out.",
        )


def _run(app: FastAPI, settings: Settings, listener: socket.socket, operator_key: str) -> None:
    host, port = listener.getsockname()[:2]
    host = _REACHED_AT.get(host, host)
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    # Asked before it is announced: what is announced is called at once.
    who_may_come = _who_may_come(settings)
    serving = app.router.lifespan_context

    @asynccontextmanager
    async def announced(app: FastAPI) -> AsyncIterator[None]:
        async with serving(app):
            announce(settings.data_dir, url, operator_key)
            mode = "extractive answers (no LLM)" if settings.llm == EXTRACTIVE else settings.llm
            _greet(
                settings,
                f"Lectern serves {settings.data_dir} at {url} — {without_userinfo(mode)}",
                who_may_come,
            )
            yield

    app.router.lifespan_context = announced
    config = uvicorn.Config(
        app,
        log_config=None,  # lectern/server/logs.py has configured the log for all
        access_log=settings.log_level == "debug",
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
    )
    server = uvicorn.Server(config)

    def end(*_: object) -> None:
        server.should_exit = True

    # uvicorn ends in order, then raises the signal once more under the handlers that it found. The
    # default ones would end this process before the worker and the index are closed. A signal that
    # comes before uvicorn has its own handlers in place counts too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server.run(sockets=[listener])


@contextmanager
def _interrupts_kept_from_children() -> Iterator[None]:
    """Keep SIGINT from what is started in this block: threads, and the processes that they start.

    Ctrl-C in a terminal reaches every process at once, and here the server decides when to stop. A
    handler in the child would come too late: Python takes a while to start.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _bound(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio sends small packets at once (TCP_NODELAY); without it, the
    # body of every reply waits 40 ms for the client to acknowledge the headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def _require_keys_or_loopback(settings: Settings) -> None:
    names = names_beyond(settings)
    if names and not settings.oidc_issuer and not _has_keys(settings):
        raise UnsafeBinding(
            f"Others could reach it as {', '.join(names)} (LECTERN_HOST, LECTERN_ALLOWED_HOSTS),"
            " and there are no keys."
        )


def _has_keys(settings: Settings) -> bool:
    registry = awaited_registry(settings)
    try:
        with registry.read() as connection:
            return any_keys(connection)
    finally:
        registry.close()


def _greet(settings: Settings, *lines: str) -> None:
    for line in lines:
        if settings.log_format == "json":  # whoever reads that reads nothing else
            log.info(line)
        else:
            print(line, flush=True)


def _who_may_come(settings: Settings) -> str:
    if settings.oidc_issuer:
        return f"Requests need a key, or a token of {without_userinfo(settings.oidc_issuer)}."
    if _has_keys(settings):
        return "Requests need a key: `lectern keys list` shows which there are."
    return "No keys are configured, so it listens on this machine only."
