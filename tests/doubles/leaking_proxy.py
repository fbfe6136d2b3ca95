"""A proxy in front of a real server that forgets for whom it asks, at one address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

ON_BEHALF_OF = "x-lectern-on-behalf-of"


@contextmanager
def leaking_proxy(url: str, method: str, beginning: str) -> Iterator[str]:
    """Its address; requests of this method to paths that begin so are sent as nobody's."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            leaks = self.command == method and self.path.startswith(beginning)
            headers = {
                name: value
                for name, value in self.headers.items()
                if not (leaks and name.lower() == ON_BEHALF_OF)
            }
            reply = httpx.request(
                self.command,
                f"{url}{self.path}",
                headers={**headers, "Accept-Encoding": "identity"},
                content=body,
                timeout=60.0,
                trust_env=False,
            )
            self.send_response(reply.status_code)
            self.send_header("Content-Type", reply.headers.get("content-type", ""))
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  the names http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
