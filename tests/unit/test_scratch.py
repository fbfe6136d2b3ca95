from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import BrokenFile
from ingestion.parsing.sandbox.scratch import Scratch


def test_what_one_end_writes_the_other_finds_by_name(tmp_path: Path) -> None:
    Scratch(tmp_path, 100).write("part-1.bin", b"abc")
    found = Scratch(tmp_path, 100).written("part-1.bin")
    assert found is not None
    assert found.read_bytes() == b"abc"
    assert Scratch(tmp_path, 100).written("part-2.bin") is None


def test_all_files_together_stay_within_the_limit(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, 10)
    scratch.write("a", b"123456")
    with pytest.raises(BrokenFile):
        scratch.write("b", b"12345")
    assert scratch.free_bytes == 4
    assert [found.name for found in tmp_path.iterdir()] == ["a"]


def test_a_link_a_folder_and_an_oversized_file_are_not_handed_on(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder / "link").symlink_to(secret)
    (folder / "same").hardlink_to(secret)
    (folder / "folder").mkdir()
    (folder / "large").write_bytes(bytes(101))
    scratch = Scratch(folder, 100)
    assert [scratch.written(name) for name in ("link", "same", "folder", "large")] == [None] * 4


def test_a_name_that_is_taken_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "name").symlink_to(victim)
    with pytest.raises(FileExistsError):
        Scratch(tmp_path, 100).write("name", b"x")
    assert victim.read_text() == "untouched"


@given(name=st.text(max_size=120))
def test_a_name_is_plain_or_refused(name: str) -> None:
    scratch = Scratch(Path("nowhere"), 100)
    try:
        scratch.written(name)
    except ValueError:
        return
    assert "/" not in name
    assert "\0" not in name
    assert not name.startswith(".")
    assert 0 < len(name) <= 100
