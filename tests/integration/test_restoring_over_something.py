"""`lectern restore` into folders and stores where something is, of which a registry may be lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from corpus.errors import Misconfigured
from corpus.registry.audit_log import Entry, write_entries
from corpus.registry.database.engine import open_sqlite_registry
from corpus.settings import Settings
from lectern.cli import app
from lectern.commands.backing_up import make_backup
from lectern.commands.putting_back import restore_backup
from service.http.audit import SIGN_IN
from tests.samples.data_folder import DataFolder

QUIET = Console(quiet=True)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[DataFolder]:
    (tmp_path / "data").mkdir()
    folder = DataFolder(tmp_path / "data")
    yield folder
    folder.registry.close()


@pytest.fixture
def backup(there: DataFolder, tmp_path: Path) -> Path:
    path = tmp_path / "b.tar"
    make_backup(there.settings, path, with_vectors=True, console=QUIET)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lectern.lock"
    }


@pytest.mark.parametrize("lost", ["file", "file, and its log is there", "rows"])
def test_originals_and_an_index_whose_registry_was_lost_are_not_destroyed(
    there: DataFolder, backup: Path, lost: str
) -> None:
    folder = there.settings.data_dir
    there.registry.close()
    (folder / "registry.sqlite").unlink()
    if lost == "rows":  # a server was started without it
        open_sqlite_registry(folder / "registry.sqlite").close()
    elif "log" in lost:
        (folder / "registry.sqlite-wal").write_bytes(b"perhaps of use")
    before = contents(folder)
    with pytest.raises(Misconfigured) as refused:
        restore_backup(there.settings, backup, force=False, console=QUIET)
    assert "--force" in refused.value.hint
    assert str(folder) in refused.value.detail
    assert contents(folder) == before
    restore_backup(there.settings, backup, force=True, console=QUIET)
    assert (folder / "registry.sqlite").exists()
    assert not (folder / "registry.sqlite-wal").exists()
    assert contents(folder / "originals") == {
        f"{there.content[:2]}/{there.content}": b"copper",
    }


def test_a_folder_in_which_a_server_was_started_once_is_filled(
    backup: Path, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    open_sqlite_registry(settings.data_dir / "registry.sqlite").close()
    (settings.data_dir / "originals" / "staging").mkdir(parents=True)
    (settings.data_dir / "registry.sqlite.mine").write_text("a copy of before")
    restore_backup(settings, backup, force=False, console=QUIET)
    assert any((settings.data_dir / "originals").glob("??/*"))
    assert (settings.data_dir / "registry.sqlite.mine").exists()


def keys(settings: Settings, *arguments: str) -> str:
    command = ["keys", *arguments, "--data-dir", str(settings.data_dir)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return done.output


def test_an_installation_that_has_keys_alone_is_filled(
    there: DataFolder, backup: Path, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    # As compose makes one, before anything else is there; then somebody tries a wrong key.
    keys(settings, "create", "operator", "--scope", "admin")
    with closing(open_sqlite_registry(settings.data_dir / "registry.sqlite")) as registry:
        tried = Entry("nobody", SIGN_IN, None, "unauthorized")
        with registry.write() as connection:
            write_entries(connection, [tried])
    restore_backup(settings, backup, force=False, console=QUIET)
    # Those of the backup, which had none.
    assert "operator" not in keys(settings, "list")
    with pytest.raises(Misconfigured, match="something in it already"):
        restore_backup(settings, backup, force=False, console=QUIET)


def test_of_an_audit_log_only_keys_and_refusals_make_way(backup: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    with closing(open_sqlite_registry(settings.data_dir / "registry.sqlite")) as registry:
        # All documents are gone, and what tells of that is not to be.
        deleted = Entry("key:operator", "document.delete", "a", "ok")
        with registry.write() as connection:
            write_entries(connection, [deleted])
    with pytest.raises(Misconfigured, match="something in it already"):
        restore_backup(settings, backup, force=False, console=QUIET)
