"""A Postgres server for tests: the one that is configured, or one of our own that can be restarted.

Ours lives in a temporary folder, listens on a loopback port, and syncs nothing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

USER = "lectern"
DEBIAN_FOLDERS = "/usr/lib/postgresql"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, the newest where there are several."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = [path.parent for path in Path(DEBIAN_FOLDERS).glob("*/bin/initdb")]
    return max(versions, key=lambda path: float(path.parent.name), default=None)


class OwnPostgres:
    """A cluster of one's own; `start` it before use, `remove` it in the end.

    With a `primary`, its hot standby, which follows it.
    """

    def __init__(self, bin_folder: Path, *, primary: OwnPostgres | None = None) -> None:
        self._bin = bin_folder
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._folder.chmod(0o755)
        if os.geteuid() == 0:  # Postgres refuses to run as root
            entry = pwd.getpwnam("postgres")
            os.chown(self._folder, entry.pw_uid, entry.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if primary is None:
            self._run("initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        else:
            self._run("pg_basebackup", "--write-recovery-conf", "--no-sync", "-c", "fast",
                      "-d", primary.url)  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
            " -c fsync=off -c full_page_writes=off -c max_connections=120 -c shared_buffers=32MB"
        )
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is as if it were killed."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def promote(self) -> None:
        """From a standby to a server that writes."""
        self._run("pg_ctl", "-w", "promote")

    def demote(self) -> None:
        """Start anew as a standby, which follows nobody."""
        self.stop()
        (self._folder / "data" / "standby.signal").touch()
        self.start()

    def speak_tls(self, certificate: Path, key: Path) -> None:
        """Offer TLS with these from now on; it is restarted."""
        for name, source in (("server.crt", certificate), ("server.key", key)):
            copy = self._folder / "data" / name
            shutil.copyfile(source, copy)
            copy.chmod(0o600)
            if os.geteuid() == 0:
                entry = pwd.getpwnam("postgres")
                os.chown(copy, entry.pw_uid, entry.pw_gid)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET ssl = on")
        self.stop()
        self.start()

    def processes(self) -> list[str]:
        """Ids of the postmaster and of its children."""
        postmaster = (self._folder / "data" / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *children]

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = [str(self._bin / program), "-D", str(self._folder / "data")]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            [*command, *arguments],
            stdout=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{program}: {done.stdout!r}"


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A started cluster; skips where Postgres is not installed, and fails there in CI."""
    bin_folder = programs()
    if bin_folder is None:
        reason = "Postgres is not installed (Debian: apt-get install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    server = OwnPostgres(bin_folder)
    server.start()
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def own_standby(primary: OwnPostgres) -> Iterator[OwnPostgres]:
    """A started hot standby, with all that the primary has written until now."""
    bin_folder = programs()
    assert bin_folder is not None
    server = OwnPostgres(bin_folder, primary=primary)
    server.start()
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def new_database(server_url: str, *, encoding: str = "UTF8") -> Iterator[str]:
    """The URL of an empty database on the server, dropped in the end."""
    name = f"lectern_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} ENCODING {} LOCALE 'C' TEMPLATE template0").format(
                sql.Identifier(name), encoding
            )
        )
    try:
        yield server_url.rpartition("/")[0] + "/" + name
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )
