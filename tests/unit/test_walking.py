from __future__ import annotations

from pathlib import Path

import pytest

from lectern.commands.walking import Globs, find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.txt", "a.md", ".hidden", "sub/c.txt", "sub/deep/d.md", ".git/config"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    return tmp_path


def names(*paths: Path, globs: Globs | None = None) -> list[str]:
    def refuse(name: str, error: OSError) -> None:
        raise AssertionError(f"{name}: {error}")

    return [file.name for file in find_files(paths, globs or Globs(), refuse)]


def test_a_folder_is_all_its_files_but_hidden_ones_and_loops(folder: Path) -> None:
    assert names(folder) == ["a.md", "b.txt", "sub/c.txt", "sub/deep/d.md"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.md"], [], ["a.md", "sub/deep/d.md"]),
        (["sub/*"], [], ["sub/c.txt", "sub/deep/d.md"]),
        ([], ["*.md"], ["b.txt", "sub/c.txt"]),
        ([], ["deep"], ["a.md", "b.txt", "sub/c.txt"]),
        ([], ["sub"], ["a.md", "b.txt"]),
        (["*.md"], ["sub/deep"], ["a.md"]),
        (["*.pdf"], [], []),
    ],
)
def test_globs_choose_among_the_files_of_a_folder(
    folder: Path, include: list[str], exclude: list[str], expected: list[str]
) -> None:
    assert names(folder, globs=Globs(include, exclude)) == expected


def test_a_named_file_is_meant_whatever_it_is_called(folder: Path) -> None:
    named = [folder / ".hidden", folder / "b.txt"]
    assert names(*named, globs=Globs(["*.md"])) == [".hidden", "b.txt"]


def test_a_folder_that_is_reached_twice_is_entered_once(folder: Path) -> None:
    assert names(folder, folder / "sub") == names(folder)


def test_what_is_gone_is_told_and_the_others_go_on(folder: Path) -> None:
    told: list[str] = []
    paths = [folder / "gone.txt", folder / "b.txt"]
    found = find_files(paths, Globs(), lambda name, _: told.append(name))
    assert [file.name for file in found] == ["b.txt"]
    assert told == ["gone.txt"]


def test_a_name_that_is_no_text_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.txt").write_text("x")
    assert names(tmp_path) == ["caf\ufffd.txt"]
