"""A TCP proxy on loopback that breaks connections as it is told to."""

from __future__ import annotations

import select
import socket
import struct
import threading
from types import TracebackType
from typing import Self

_PIECE_BYTES = 1 << 16
_POLL_S = 0.02
_RESET = struct.pack("ii", 1, 0)  # linger for 0 s: closing is a reset


class CutProxy:
    """Stands before `host:port` inside a `with`, and passes everything on until told otherwise.

    `connections` counts those accepted, `cuts` those that were broken by order.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._ended = threading.Event()
        self._refuses = False
        self._delay_s = 0.0
        self._cut_after: list[int] = []
        self._every: tuple[int, int] | None = None
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self.cuts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def refuse(self) -> None:
        """From now on nobody gets through, and who is connected is cut off."""
        with self._lock:
            self._refuses = True
        self.cut_all()

    def pass_on(self) -> None:
        """From now on everything gets through, at once."""
        with self._lock:
            self._refuses = False
            self._delay_s = 0.0
            self._cut_after = []
            self._every = None

    def delay(self, seconds: float) -> None:
        """Hold back what the server says by so much; at most until `pass_on`."""
        with self._lock:
            self._delay_s = seconds

    def cut_in_mid_response(self, *after_bytes: int) -> None:
        """Break connections, one for each number, when so many bytes were answered on them."""
        with self._lock:
            self._cut_after += after_bytes

    def cut_every(self, nth: int, after_bytes: int) -> None:
        """Break every nth connection when so many bytes were answered on it, until `pass_on`."""
        with self._lock:
            self._every = nth, after_bytes

    def cut_all(self) -> None:
        """Break every connection there is."""
        with self._lock:
            for one in self._open:
                _reset(one)
            self.cuts += len(self._open) // 2
            self._open.clear()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self.cut_all()
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()

    def _start(self, work: object, *arguments: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            if not select.select([self._listener], [], [], _POLL_S)[0]:
                continue
            client, _ = self._listener.accept()
            with self._lock:
                self.connections += 1
                refuses = self._refuses
            if refuses:
                _reset(client)
                client.close()
            else:
                self._start(self._pass_between, client)

    def _pass_between(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            _reset(client)
            client.close()
            return
        with client, server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                limit = self._limit_bytes()
                self._open |= {client, server}
            try:
                self._copy(client, server, limit)
            except (OSError, ValueError):
                pass  # one side is gone, or was cut off
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _limit_bytes(self) -> int | None:
        if self._cut_after:
            return self._cut_after.pop(0)
        if self._every is not None and self.connections % self._every[0] == 0:
            return self._every[1]
        return None

    def _copy(self, client: socket.socket, server: socket.socket, limit: int | None) -> None:
        answered = 0
        while not self._ended.is_set():
            for ready in select.select([client, server], [], [], _POLL_S)[0]:
                piece = ready.recv(_PIECE_BYTES)
                if not piece:
                    return
                if ready is client:
                    server.sendall(piece)
                    continue
                self._ended.wait(self._delay_s)
                if limit is not None and answered + len(piece) > limit:
                    client.sendall(piece[: limit - answered])
                    with self._lock:
                        self.cuts += 1
                    _reset(client)
                    return
                answered += len(piece)
                client.sendall(piece)


def _reset(connection: socket.socket) -> None:
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
