"""`lectern backup` while originals cannot be read, targets are full, and owners come and go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from corpus.access import UNRESTRICTED
from corpus.backup import making
from corpus.backup.archive import verify
from corpus.errors import DataDirInUse, IndexUnavailable, Misconfigured, StorageUnavailable
from corpus.index.edge.store import EdgeVectorStore
from corpus.originals.open import opened_originals
from corpus.originals.port import OriginalStore
from corpus.registry.installation import this_installation
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.settings import Settings
from lectern.cli import app
from lectern.commands import backing_up
from lectern.commands.backing_up import make_backup
from lectern.commands.backup_targets import new_file
from lectern.server.data_dir import owned
from lectern.server.gate import gate_open
from tests.bucket import BucketServer
from tests.doubles.cut_proxy import CutProxy
from tests.samples.data_folder import BUILT_IN, DataFolder

QUIET = Console(quiet=True)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[DataFolder]:
    (tmp_path / "data").mkdir()
    folder = DataFolder(tmp_path / "data")
    yield folder
    folder.registry.close()


def upload(there: DataFolder, originals: OriginalStore, said: bytes) -> str:
    """The sha256 of a document that waits."""
    with originals.stage(BytesIO(said), max_bytes=100) as staged:
        content = Content(staged.content_sha256, staged.size_bytes, "text/plain")
        with there.registry.write() as connection:
            accept_upload(connection, Upload("default", "x.txt"), content, UNRESTRICTED)
            staged.keep()
    return staged.content_sha256


def originals_in(path: Path) -> set[str]:
    with tarfile.open(path) as tar:
        return {name.rpartition("/")[2] for name in tar.getnames() if name.startswith("originals/")}


def back_up(there: DataFolder, target: Path, *, with_vectors: bool = False) -> bool:
    return make_backup(there.settings, target, with_vectors=with_vectors, console=QUIET)


class FailingFile(BytesIO):
    """A file on a disk with a bad block."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 0:
            raise OSError(5, "Input/output error")
        return super().read(3 if size else size)


@pytest.mark.parametrize("how", ["a folder", "a bad block at the end"])
def test_one_original_that_cannot_be_read_keeps_no_other_out(
    there: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    bad = upload(there, there.originals, b"bad block")
    good = upload(there, there.originals, b"good")
    path = there.settings.data_dir / "originals" / bad[:2] / bad
    if how == "a folder":
        path.unlink()
        path.mkdir()
    else:
        really = Path.open

        def opened(self: Path, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            if self.name == bad:
                return FailingFile(b"bad block")
            return really(self, *arguments, **named)

        monkeypatch.setattr(Path, "open", opened)
    command = ["backup", str(tmp_path / "b.tar"), "--without-vectors"]
    done = CliRunner().invoke(app, [*command, "--data-dir", str(there.settings.data_dir)])
    assert done.exit_code == 3, done.output
    assert bad in done.output
    assert verify(tmp_path / "b.tar").unreadable == (bad,)
    assert {good, there.content} <= originals_in(tmp_path / "b.tar")


@pytest.fixture
def in_bucket(there: DataFolder, bucket_server: BucketServer) -> Iterator[tuple[CutProxy, str]]:
    """The originals of `there` in a bucket that can be cut off, one of them damaged."""
    bucket = bucket_server.new_bucket()
    with CutProxy(int(bucket_server.url.rpartition(":")[2])) as proxy:
        said: dict[str, Any] = bucket.settings(endpoint=proxy.url)
        there.settings = Settings(_env_file=None, data_dir=there.settings.data_dir, **said)
        ours = this_installation(there.registry)
        with opened_originals(there.settings, ours) as originals:
            upload(there, originals, b"good")
            damaged = upload(there, originals, b"bad block")
            with originals.stage(BytesIO(b"copper"), max_bytes=9) as staged:
                staged.keep()
        bucket.put(f"originals/{damaged}", b"bad  lock")
        yield proxy, damaged


def test_of_a_bucket_all_that_can_be_read_is_taken(
    there: DataFolder, in_bucket: tuple[CutProxy, str], tmp_path: Path
) -> None:
    assert not back_up(there, tmp_path / "b.tar")
    assert verify(tmp_path / "b.tar").unreadable == (in_bucket[1],)
    assert len(originals_in(tmp_path / "b.tar")) == 2


def test_a_bucket_that_goes_away_is_no_bucket_of_unreadable_originals(
    there: DataFolder,
    in_bucket: tuple[CutProxy, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy, _ = in_bucket
    really = making.back_up

    def cut(*arguments: Any) -> Any:  # noqa: ANN401
        proxy.refuse()
        return really(*arguments)

    monkeypatch.setattr(backing_up, "back_up", cut)
    with pytest.raises(StorageUnavailable, match="bucket"):
        back_up(there, tmp_path / "b.tar")
    assert not list(tmp_path.glob("b.tar*"))


def test_two_backups_at_once_into_one_folder_are_two(there: DataFolder, tmp_path: Path) -> None:
    with ExitStack() as opened:
        files = [opened.enter_context(new_file(tmp_path)) for _ in range(3)]
        for number, new in enumerate(files):
            new.file.write(b"%d" % number)
    made = [*tmp_path.glob("*.tar")]
    assert {path.read_bytes() for path in made} == {b"0", b"1", b"2"}
    assert {new.path for new in files} == set(made)
    assert not list(tmp_path.glob("*.partial"))
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in made)
    # Of a name that somebody chose, the first one counts.
    with (
        pytest.raises(Misconfigured, match="already"),
        new_file(tmp_path / "b.tar"),
        new_file(tmp_path / "b.tar") as first,
    ):
        first.file.write(b"first")
    assert (tmp_path / "b.tar").read_bytes() == b"first"
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(back_up, there, tmp_path, with_vectors=False) for _ in range(2)]
    assert all(one.exception() is None for one in both)


def test_a_folder_that_is_missing_is_not_taken_for_a_file(
    there: DataFolder, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured, match="no folder"):
        make_backup(there.settings, f"{tmp_path}/backups/", with_vectors=False, console=QUIET)
    assert not (tmp_path / "backups").exists()


def command(there: DataFolder, *arguments: str) -> list[str]:
    folder = str(there.settings.data_dir)
    return [sys.executable, "-m", "lectern", "backup", *arguments, "--data-dir", folder]


def test_it_can_be_sent_through_a_pipe(there: DataFolder, tmp_path: Path) -> None:
    done = subprocess.run(
        command(there, "-", "--without-vectors"), capture_output=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"1 documents" in done.stderr
    (tmp_path / "sent.tar").write_bytes(done.stdout)
    assert verify(tmp_path / "sent.tar").originals == 1
    assert [path.name for path in tmp_path.glob("*-*")] == []


def test_a_pipe_that_nobody_reads_is_no_backup(there: DataFolder) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command(there, "-", "--without-vectors"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr.startswith("error: The backup could not be written to the standard output")
    assert "Traceback" not in done.stderr


def test_what_cannot_be_read_is_not_said_of_the_target(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageUnavailable, match=r"could not be made: .*'/nowhere'") as source,
        new_file(tmp_path / "b.tar"),
    ):
        Path("/nowhere").read_bytes()
    assert "space" not in source.value.hint
    with (
        pytest.raises(StorageUnavailable, match="could not be written to"),
        new_file(tmp_path / "missing" / "b.tar"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_killed_it_leaves_nothing_that_looks_like_a_backup(
    there: DataFolder, tmp_path: Path
) -> None:
    target = tmp_path / "backups"
    target.mkdir()
    # As soon as there is something of it.
    script = """
import os, sys, threading
from pathlib import Path
from lectern.cli import app
def look():
    while not any(path.stat().st_size for path in Path(sys.argv[2]).iterdir()):
        pass
    os.kill(os.getpid(), 9)
threading.Thread(target=look, daemon=True).start()
app()
"""
    command = [sys.executable, "-c", script, "backup", str(target), "--data-dir"]
    died = subprocess.run([*command, str(there.settings.data_dir)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert [path.suffix for path in target.iterdir()] == [".partial"]
    assert back_up(there, target)
    assert len([*target.glob("*.tar")]) == 1


class Server:
    """What a server has open of the data folder; it starts and ends when the test says so."""

    def __init__(self, there: DataFolder) -> None:
        self._folder = there.settings.data_dir
        self._opened = ExitStack()

    def start(self) -> None:
        self._opened.enter_context(owned(self._folder))
        store = EdgeVectorStore.open(self._folder / "index", 384)
        self._opened.callback(store.close)
        self._opened.enter_context(gate_open(self._folder, store, BUILT_IN))

    def end(self) -> None:
        self._opened.close()


@pytest.mark.parametrize("does", ["ends", "starts", "starts anew", "is another command"])
def test_a_server_that_starts_or_ends_meanwhile_is_no_harm(
    there: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    server = Server(there)
    if does in {"ends", "starts anew"}:
        server.start()
    really = making.back_up

    def meanwhile(sources: Any, *rest: Any) -> Any:  # noqa: ANN401
        if does in {"ends", "starts anew"}:
            server.end()
        if does == "starts anew":
            server.start()
        elif does == "starts":
            with pytest.raises(DataDirInUse):
                server.start()
        return really(sources, *rest)

    monkeypatch.setattr(backing_up, "back_up", meanwhile)
    if does == "is another command":
        with owned(there.settings.data_dir), pytest.raises(IndexUnavailable, match="give access"):
            back_up(there, tmp_path / "b.tar", with_vectors=True)
        assert not list(tmp_path.glob("b.tar*"))
        return
    assert back_up(there, tmp_path / "b.tar", with_vectors=True)
    server.end()
    assert verify(tmp_path / "b.tar").points == 1


def test_a_registry_that_was_replaced_meanwhile_is_not_passed_off_as_a_backup(
    there: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(there, tmp_path / "first.tar")
    really = making.back_up
    registry = there.settings.data_dir / "registry.sqlite"

    def meanwhile(sources: Any, *rest: Any) -> Any:  # noqa: ANN401
        (tmp_path / "another").write_bytes(registry.read_bytes())
        (tmp_path / "another").replace(registry)
        return really(sources, *rest)

    monkeypatch.setattr(backing_up, "back_up", meanwhile)
    with pytest.raises(StorageUnavailable, match="was replaced"):
        back_up(there, tmp_path / "b.tar")
    assert not list(tmp_path.glob("b.tar*"))
