"""`lectern restore` into folders and stores where something is, of which a registry may be lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from corpus.errors import Misconfigured
from corpus.registry.database.engine import open_sqlite_registry
from corpus.settings import Settings
from lectern.commands.backing_up import make_backup
from lectern.commands.putting_back import restore_backup
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
