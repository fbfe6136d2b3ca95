"""The embedded index of a running server, to be read by commands of the same user: a local socket.

It lies in the data folder, or where that has too long a name (107 bytes is the limit) in a
temporary folder; `index-gate` in the data folder says where. Nothing can be written through it.
Whoever comes in is told first how the vectors were embedded.
"""

from __future__ import annotations

import json
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from corpus.errors import IndexUnavailable
from corpus.index.gateway import GatewayVectorStore, serve_index
from corpus.index.port import NodeStore
from corpus.registry.fingerprints import are_comparable

_POINTER = "index-gate"
_SOCKET = "gate.sock"
_LONGEST_NAME_BYTES = 100
_LOOK_EVERY_S = 0.5
PATIENCE_S = 60.0  # with a server that hangs
# With a command, which may embed for minutes between two pages; only other commands wait.
SERVED_PATIENCE_S = 600.0
REQUEST_BYTES = 1 << 20


class _Patient(Connection):
    """Takes a side that is silent, or does not read what it asked for, for gone."""

    def __init__(self, end: socket.socket, patience_s: float, *, longest: int | None) -> None:
        # The timeouts are the system's: `Connection` reads and writes without asking first.
        patience = struct.pack("ll", int(patience_s), int(patience_s % 1 * 1_000_000))
        end.settimeout(None)
        for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            end.setsockopt(socket.SOL_SOCKET, limit, patience)
        super().__init__(end.detach())
        self._longest = longest

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        return super().recv_bytes(maxlength or self._longest)


@contextmanager
def gate_open(
    data_dir: Path,
    store: NodeStore,
    fingerprint: Mapping[str, Any],
    *,
    patience_s: float = SERVED_PATIENCE_S,
) -> Iterator[None]:
    """Let one command at a time read the store while the block runs; the folder must be owned.

    `fingerprint` says how its vectors are embedded. A command that does not ask for, or does not
    read, anything for `patience_s` is sent away.
    """
    if not store.is_embedded:
        yield
        return
    ended = threading.Event()
    with ExitStack() as opened:
        listener = opened.enter_context(_listening(data_dir, opened))
        opened.callback(ended.set)
        threading.Thread(
            target=_serve,
            args=(store, json.dumps(fingerprint).encode(), listener, ended, patience_s),
            name="index-gate",
            daemon=True,
        ).start()
        yield


@contextmanager
def through_the_gate(
    data_dir: Path, fingerprint: Mapping[str, Any]
) -> Iterator[GatewayVectorStore]:
    """The index of the server that owns the folder.

    Raises `IndexUnavailable` when it lets nobody in, or its vectors are not embedded as
    `fingerprint` says.
    """
    try:
        where = (data_dir / _POINTER).read_text()
        with socket.socket(socket.AF_UNIX) as ours:
            ours.settimeout(PATIENCE_S)
            ours.connect(where)
            connection = _Patient(ours, PATIENCE_S, longest=None)
            embedded_as = json.loads(connection.recv_bytes())
    except (OSError, EOFError) as error:
        raise IndexUnavailable(
            "The process that owns the data folder does not give access to its index.",
            hint="It is starting, ending, or another command: wait until it has started, or has "
            "ended, and try again.",
        ) from error
    store = GatewayVectorStore(connection)
    try:
        if not are_comparable(embedded_as, fingerprint):
            raise IndexUnavailable(
                "The server's index is not embedded as its registry says: "
                f"{embedded_as.get('model')} instead of {fingerprint.get('model')}.",
                hint="Restart the server: it says what to do about it.",
            )
        yield store
    finally:
        store.close()


@contextmanager
def _listening(data_dir: Path, opened: ExitStack) -> Iterator[socket.socket]:
    path = data_dir.resolve() / _SOCKET
    if len(bytes(path)) > _LONGEST_NAME_BYTES:
        path = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="lectern-"))) / _SOCKET
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(1)
        listener.settimeout(_LOOK_EVERY_S)
        (data_dir / _POINTER).write_text(str(path))
        try:
            yield listener
        finally:
            (data_dir / _POINTER).unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def _serve(
    store: NodeStore,
    greeting: bytes,
    listener: socket.socket,
    ended: threading.Event,
    patience_s: float,
) -> None:
    while not ended.is_set():
        try:
            theirs, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError:
            return
        connection = _Patient(theirs, patience_s, longest=REQUEST_BYTES)
        try:
            connection.send_bytes(greeting)
        except OSError:
            connection.close()
            continue
        serve_index(store, connection, to_read_only=True)
