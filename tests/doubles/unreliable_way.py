"""A TCP proxy on loopback between a client and a real server, which can be made to fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PIECE_BYTES = 64 << 10


class UnreliableWay:
    """Passes everything on, until told otherwise; connections that are open then are cut.

    `connections`, `sent_bytes` and `answered_bytes` count what has come and passed since `restore`.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listening(0)
        self.port: int = self._listener.getsockname()[1]
        self._start()
        self.restore()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def restore(self) -> None:
        """Pass everything on."""
        self._limit_sent: int | None = None
        self._limit_answered: int | None = None
        self._times_left = 0
        self._is_silent = False
        self._answer = b""
        self.connections = self.sent_bytes = self.answered_bytes = 0
        if self._listener.fileno() == -1:
            self._listener = self._listening(self.port)
            self._start()

    def lead_to(self, target_port: int) -> None:
        """New connections go there; those that are open stay where they are."""
        self._target_port = target_port

    def refuse(self) -> None:
        """Nobody listens any more."""
        # Closing alone would not wake up who waits in accept().
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut_all()

    def hang(self) -> None:
        """Accept, and never answer."""
        self._is_silent = True
        self._cut_all()

    def answer(self, status: int, code: str) -> None:
        """Answer each request with this error."""
        self.answer_with(f"<Error><Code>{code}</Code><Message>So it is.</Message></Error>", status)

    def answer_with(self, body: str, status: int = 200) -> None:
        """Answer each request with this XML."""
        head = f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        self._answer = f"HTTP/1.1 {status} -\r\n{head}Connection: close\r\n\r\n{body}".encode()
        self._cut_all()

    def cut_sending_after(self, limit_bytes: int, *, times: int = 1_000_000) -> None:
        """Cut connections, so many of them, over which a client has sent so much."""
        self._limit_sent, self._times_left = limit_bytes, times

    def cut_answers_after(self, limit_bytes: int, *, times: int = 1_000_000) -> None:
        """Cut connections, so many of them, over which so much was answered."""
        self._limit_answered, self._times_left = limit_bytes, times

    def close(self) -> None:
        self.refuse()

    def _listening(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(32)
        return listener

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._open.add(client)
            self.connections += 1
        if self._is_silent:
            return
        if self._answer:
            with suppress(OSError):
                client.recv(PIECE_BYTES)
                client.sendall(self._answer)
                client.shutdown(socket.SHUT_WR)
                while client.recv(PIECE_BYTES):
                    pass
            self._cut(client)
            return
        server = socket.create_connection(("127.0.0.1", self._target_port))
        with self._lock:
            self._open.add(server)
        back = threading.Thread(
            target=self._pump, args=(server, client, self._may_answer), daemon=True
        )
        back.start()
        self._pump(client, server, self._may_send)

    def _pump(
        self, source: socket.socket, sink: socket.socket, may_pass: Callable[[int, int], bool]
    ) -> None:
        passed = 0
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                passed += len(piece)
                if not may_pass(passed, len(piece)):
                    break
                sink.sendall(piece)
        self._cut(source)
        self._cut(sink)

    def _may_send(self, passed: int, count: int) -> bool:
        self.sent_bytes += count
        return self._is_within(passed, self._limit_sent)

    def _may_answer(self, passed: int, count: int) -> bool:
        self.answered_bytes += count
        return self._is_within(passed, self._limit_answered)

    def _is_within(self, passed: int, limit: int | None) -> bool:
        if limit is None or passed <= limit:
            return True
        with self._lock:
            if self._times_left <= 0:
                return True
            self._times_left -= 1
            return False

    def _cut_all(self) -> None:
        with self._lock:
            cut = list(self._open)
        for one in cut:
            self._cut(one)

    def _cut(self, one: socket.socket) -> None:
        with self._lock:
            self._open.discard(one)
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextmanager
def unreliable_way(target_url: str) -> Iterator[UnreliableWay]:
    """A way to the server at that address of this machine."""
    way = UnreliableWay(int(target_url.rpartition(":")[2]))
    try:
        yield way
    finally:
        way.close()
