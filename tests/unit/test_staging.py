from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from corpus.errors import EmptyFile, FileTooLarge
from corpus.originals.staging import IncomingFile, claimed_folder, clear_left_over

# Claims a folder, puts a file into it, and waits to be killed.
HOLDER = """
import sys
from pathlib import Path
from corpus.originals.staging import claimed_folder
with claimed_folder(Path(sys.argv[1])) as folder:
    (folder / "1").write_text("half of a file")
    print("claimed", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / "staging"
    folder.mkdir()
    return folder


def holder(staging: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(staging)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"claimed\n"
    return process


def test_a_claimed_folder_is_gone_at_the_end_with_all_in_it(staging: Path) -> None:
    with claimed_folder(staging) as folder:
        (folder / "1").write_text("x")
    assert list(staging.iterdir()) == []


def test_two_uploads_have_a_folder_each(staging: Path) -> None:
    with claimed_folder(staging) as one, claimed_folder(staging) as other:
        assert one != other


def test_clearing_leaves_what_a_living_process_receives_and_takes_what_a_dead_one_left(
    staging: Path,
) -> None:
    process = holder(staging)
    clear_left_over(staging)
    assert [path.read_text() for path in staging.glob("*/1")] == ["half of a file"]
    process.kill()
    process.communicate()
    clear_left_over(staging)
    assert list(staging.iterdir()) == []


def test_clearing_takes_files_and_folders_that_nobody_locked(staging: Path) -> None:
    (staging / "tmp123").write_text("from before")
    (staging / "folder").mkdir()
    (staging / "folder" / "1").write_text("x")
    clear_left_over(staging)
    assert list(staging.iterdir()) == []


def test_a_file_is_measured_as_it_comes_in(tmp_path: Path) -> None:
    file = IncomingFile(tmp_path / "1", max_bytes=5)
    file.write(b"hel")
    file.write(b"lo")
    done = file.finish()
    assert (done.path.read_bytes(), done.size_bytes) == (b"hello", 5)
    assert done.sha256.startswith("2cf24dba5fb0a30e26e83b2ac5b9e29e")


def test_a_file_that_is_not_finished_keeps_no_descriptor_and_no_bytes(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number, pieces in enumerate(([], [b"x"], [b"x" * 6])):
        file = IncomingFile(tmp_path / str(number), max_bytes=5)
        try:
            for piece in pieces:
                file.write(piece)
        except FileTooLarge:
            assert len(pieces[0]) == 6
        file.discard()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert list(tmp_path.iterdir()) == []


def test_no_bytes_are_no_file(tmp_path: Path) -> None:
    file = IncomingFile(tmp_path / "1", max_bytes=5)
    with pytest.raises(EmptyFile):
        file.finish()
    file.discard()
