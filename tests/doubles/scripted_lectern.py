"""A real HTTP server on loopback that answers as a Lectern server from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Mapping[str, Any]]

HANG_UP: Answer = (0, {})


@contextmanager
def scripted_lectern(answers: Mapping[str, Sequence[Answer]]) -> Iterator[str]:
    """The address of a server that answers `"GET /path"` with (status, JSON body), in order.

    The last answer to a request is given again and again; `HANG_UP` closes the connection.
    """
    left = {request: list(given) for request, given in answers.items()}
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            with turn:
                given = left[f"{self.command} {self.path}"]
                status, body = given.pop(0) if len(given) > 1 else given[0]
            if not status:
                self.close_connection = True
                return
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        do_GET = do_POST = answer  # noqa: N815  the names that http.server looks for

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
