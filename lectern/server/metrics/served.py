"""A worker of its own over HTTP: `/metrics` to be scraped, `/healthz` for probes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from prometheus_client import CollectorRegistry

from corpus.errors import Misconfigured
from lectern.server.metrics.exposition import text_of
from service.measures import METRICS_CONTENT_TYPE

REQUEST_LIMIT_S = 5.0  # for a client to say what it wants, and to take it


@contextmanager
def served_metrics(figures: CollectorRegistry, host: str, port: int | None) -> Iterator[None]:
    """Serve while the block runs, from a thread; without a port, nothing.

    Raises `Misconfigured` where the address cannot be listened on.
    """
    if port is None:
        yield
        return
    try:
        server = _Server(figures, host, port)
    except OSError as error:
        raise Misconfigured(
            f"{host}:{port} cannot be listened on: {error.strerror or error}.",
            hint="Choose another LECTERN_WORKER_METRICS_PORT, or leave it empty.",
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, figures: CollectorRegistry, host: str, port: int) -> None:
        self.figures = figures
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind, without asking the network for our name as the parent does."""
        TCPServer.server_bind(self)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_LIMIT_S

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer the two addresses."""
        match self.path.partition("?")[0]:
            case "/metrics":
                self._reply(200, METRICS_CONTENT_TYPE, text_of(self.server.figures))
            case "/healthz":
                self._reply(200, "application/json", b'{"status": "ok"}')
            case _:
                self._reply(404, "text/plain", b"There are /metrics and /healthz.\n")

    def _reply(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Say nothing: probes come every few seconds."""
