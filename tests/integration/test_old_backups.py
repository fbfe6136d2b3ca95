"""`lectern backup FOLDER --keep N`: which backups make way, and which must not."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from corpus.errors import Misconfigured
from corpus.registry.open import open_registry
from corpus.settings import Settings
from lectern.commands.backing_up import make_backup
from lectern.commands.old_backups import ABANDONED_S
from tests.samples.data_folder import DataFolder

QUIET = Console(quiet=True)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[DataFolder]:
    (tmp_path / "data").mkdir()
    folder = DataFolder(tmp_path / "data")
    yield folder
    folder.registry.close()


def backed_up(there: DataFolder, target: Path, *, keep: int | None = None) -> bool:
    return make_backup(there.settings, target, with_vectors=False, console=QUIET, keep=keep)


def backups_of(there: DataFolder, folder: Path, *days: str) -> list[Path]:
    """Backups of what is there, as if they had been made on these days."""
    assert backed_up(there, folder / "made.tar")
    made = []
    for day in days:
        date, _, number = day.partition("-")
        made.append(folder / f"lectern-{date}T000000Z{number and '-'}{number}.tar")
        shutil.copy(folder / "made.tar", made[-1])
    (folder / "made.tar").unlink()
    return made


def written_to(said: str) -> Path:
    """Where `lectern backup` says that it made one."""
    return Path(said.rpartition("written: ")[2].partition(",")[0])


def test_so_many_are_kept_as_are_wanted(there: DataFolder, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    backups_of(there, folder, *("20250101", "20250101-2", "20250102", "20250102-10"))
    others = ["lectern-mine.tar", "lectern-20250101T000000Z.tar.gz", "notes.txt"]
    killed = ["20250101T000000Z.tar.ab12.partial", "20250102T000000Z.tar.cd34.partial"]
    for name in (*others, *(f"lectern-{one}" for one in killed)):
        (folder / name).touch()
    long_ago = time.time() - 2 * ABANDONED_S
    os.utime(folder / f"lectern-{killed[0]}", (long_ago, long_ago))
    backed_up(there, folder, keep=2)
    kept = {path.name for path in folder.iterdir()}
    assert len(kept) == 2 + len(others) + 1
    assert kept >= {"lectern-20250102T000000Z-10.tar", *others, f"lectern-{killed[1]}"}
    with pytest.raises(Misconfigured, match="--keep"):
        make_backup(there.settings, "-", with_vectors=False, console=QUIET, keep=2)


def test_what_is_named_later_stays_and_takes_no_ones_place(
    there: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backups_of(there, tmp_path, "20250101", "20990101", "20990101-2")
    for _ in range(2):
        assert backed_up(there, tmp_path, keep=1)
        said = capsys.readouterr()
        assert {path.name for path in tmp_path.glob("lectern-*.tar")} == {
            written_to(said.out).name,
            "lectern-20990101T000000Z.tar",
            "lectern-20990101T000000Z-2.tar",
        }
        assert "named later" in said.err
        assert said.err.count("lectern-20990101T000000Z") == 2


def test_what_lacks_an_original_takes_the_place_of_what_lacks_it_too(
    there: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = backups_of(there, tmp_path, "20250101", "20250102", "20250103")
    path = there.settings.data_dir / "originals" / there.content[:2] / there.content
    path.rename(tmp_path / "lost")
    lacking = []
    for day in range(1, 4):
        assert not backed_up(there, tmp_path, keep=2)
        said = capsys.readouterr()
        assert f"{whole[1].name}: newer ones lack documents or originals" in said.err
        made_on = tmp_path / f"lectern-2025020{day}T000000Z.tar"
        lacking.append(written_to(said.out).rename(made_on))
    assert set(tmp_path.glob("lectern-*.tar")) == {*whole[1:], *lacking[1:]}
    (tmp_path / "lost").rename(path)
    assert backed_up(there, tmp_path, keep=1)
    new = written_to(capsys.readouterr().out)
    assert list(tmp_path.glob("lectern-*.tar")) == [new]


def test_what_is_no_backup_stays_whatever_its_name(
    there: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, cut = backups_of(there, tmp_path, "20250101", "20250102")
    cut.write_bytes(cut.read_bytes()[:-11_000])
    assert backed_up(there, tmp_path, keep=1)
    said = capsys.readouterr()
    assert f"removed: {one}" in said.out
    assert f"kept: {cut.name}: not to be read as backups" in said.err
    assert set(tmp_path.glob("lectern-*.tar")) == {cut, written_to(said.out)}


def test_a_registry_that_was_lost_takes_no_place_of_what_it_had(
    there: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = backups_of(there, tmp_path, "20250101", "20250102", "20250103")
    (tmp_path / "new").mkdir()
    made_anew = Settings(_env_file=None, data_dir=tmp_path / "new")
    open_registry(made_anew).close()
    capsys.readouterr()
    empty = []
    for day in range(1, 4):
        assert make_backup(made_anew, tmp_path, with_vectors=False, console=QUIET, keep=1)
        said = capsys.readouterr()
        assert f"{full[0].name}: they have documents, and this one has none" in said.err
        made_on = tmp_path / f"lectern-2025020{day}T000000Z.tar"
        empty.append(written_to(said.out).rename(made_on))
    assert set(tmp_path.glob("lectern-*.tar")) == {*full, *empty}
    # What is empty counts for nothing among those that are not.
    assert backed_up(there, tmp_path, keep=2)
    new = written_to(capsys.readouterr().out)
    assert set(tmp_path.glob("lectern-*.tar")) == {full[2], empty[2], new}


def test_what_never_had_documents_makes_way_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new").mkdir()
    settings = Settings(_env_file=None, data_dir=tmp_path / "new")
    open_registry(settings).close()
    for _ in range(2):
        assert make_backup(settings, tmp_path, with_vectors=False, console=QUIET, keep=1)
        said = capsys.readouterr()
        (made,) = tmp_path.glob("lectern-*.tar")
        assert written_to(said.out) == made
        assert said.err == ""
        made.rename(tmp_path / "lectern-20250101T000000Z.tar")
