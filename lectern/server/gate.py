"""The embedded index of a running server, to be read by commands of the same user: a local socket.

It lies in the data folder, or where that has too long a name (107 bytes is the limit) in a
temporary folder; `index-gate` in the data folder says where. Nothing can be written through it.
"""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from corpus.errors import IndexUnavailable
from corpus.index.gateway import GatewayVectorStore, serve_index
from corpus.index.port import NodeStore

_POINTER = "index-gate"
_SOCKET = "gate.sock"
_LONGEST_NAME_BYTES = 100
_LOOK_EVERY_S = 0.5
PATIENCE_S = 60.0  # with a side that hangs


class _Patient(Connection):
    """Takes a silent other side for gone."""

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        if not self.poll(PATIENCE_S):
            raise EOFError
        return super().recv_bytes(maxlength)


@contextmanager
def gate_open(data_dir: Path, store: NodeStore) -> Iterator[None]:
    """Let one command at a time read the store while the block runs; the folder must be owned."""
    if not store.is_embedded:
        yield
        return
    ended = threading.Event()
    with ExitStack() as opened:
        listener = opened.enter_context(_listening(data_dir, opened))
        opened.callback(ended.set)
        threading.Thread(
            target=_serve, args=(store, listener, ended), name="index-gate", daemon=True
        ).start()
        yield


@contextmanager
def through_the_gate(data_dir: Path) -> Iterator[GatewayVectorStore]:
    """The index of the server that owns the folder; `IndexUnavailable` when it lets nobody in."""
    try:
        where = (data_dir / _POINTER).read_text()
        with socket.socket(socket.AF_UNIX) as ours:
            ours.settimeout(PATIENCE_S)
            ours.connect(where)
            ours.settimeout(None)
            connection = _Patient(ours.detach())
    except OSError as error:
        raise IndexUnavailable(
            "The process that owns the data folder does not give access to its index.",
            hint="Wait until it has started, or stop it and try again.",
        ) from error
    store = GatewayVectorStore(connection)
    try:
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


def _serve(store: NodeStore, listener: socket.socket, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            theirs, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError:
            return
        theirs.settimeout(None)
        serve_index(store, _Patient(theirs.detach()), to_read_only=True)
