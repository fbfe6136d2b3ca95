"""PgBouncer before a Postgres server, configured to let nothing pass that it does not know."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.installed import require_program

PATIENCE_S = 20.0


@contextmanager
def pooled(url: str, mode: str) -> Iterator[str]:
    """The URL of the same database through a pooler of this mode: transaction or session."""
    program = require_program("pgbouncer")
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        target = make_conninfo("", **{**conninfo_to_dict(url), "dbname": None})
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
        )
        user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        shutil.chown(folder, user or os.geteuid())
        command = [program, "-q", str(settings)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, user=user) as running:
            through = f"postgresql://lectern@127.0.0.1:{port}/{conninfo_to_dict(url)['dbname']}"
            try:
                _await(through)
                yield through
            finally:
                running.kill()


def _await(url: str) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_s:
        with suppress(psycopg.OperationalError), psycopg.connect(url):
            return
        time.sleep(0.05)
    raise AssertionError("pgbouncer does not answer")
