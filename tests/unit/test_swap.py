"""A swap that is killed at each of its operations on files, one after the other."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.errors import Misconfigured, StorageUnavailable
from lectern.server.swap import begin_swap, finish_swap, swap

OUTGOING = ["registry.sqlite", "registry.sqlite-wal", "originals", "index", "index-[0-9]*"]
OLD = {"registry.sqlite": "old", "registry.sqlite-wal": "old", "index-2": "old", "models": "stays"}
NEW = {"registry.sqlite": "new", "originals": "new", "models": "stays"}
# Dies at the given one of the operations that Python's audit events tell of.
SCRIPT = """
import os, sys
from pathlib import Path
from lectern.server.swap import begin_swap, swap
left = int(sys.argv[2])
def hook(event, arguments):
    global left
    if event in {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}:
        left -= 1
        if left < 0:
            os._exit(9)
folder = Path(sys.argv[1])
sys.addaudithook(hook)
new = begin_swap(folder, sys.argv[3:])
(new / "registry.sqlite").write_text("new")
(new / "originals").write_text("new")
swap(folder, sys.argv[3:])
"""


def laid_out(folder: Path) -> Path:
    folder.mkdir()
    for name, text in OLD.items():
        (folder / name).write_text(text)
    return folder


def built(folder: Path) -> None:
    new = begin_swap(folder, OUTGOING)
    (new / "registry.sqlite").write_text("new")
    (new / "originals").write_text("new")


def run(script: str, folder: Path, operations: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", script, str(folder), str(operations), *OUTGOING]
    return subprocess.run(command, check=False)


def found_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_killed_anywhere_all_is_old_or_all_is_new(tmp_path: Path) -> None:
    outcomes = []
    for operations in range(200):
        folder = laid_out(tmp_path / str(operations))
        died = run(SCRIPT, folder, operations)
        finish_swap(folder)
        found = found_in(folder)
        assert found in (OLD, NEW), operations
        outcomes.append(found)
        if died.returncode == 0:
            break
        assert died.returncode == 9
    assert outcomes[0] == OLD
    assert outcomes[-1] == NEW
    # Once it counts, it always does.
    assert outcomes == sorted(outcomes, key=lambda found: found == NEW)
    assert died.returncode == 0


def test_finishing_may_be_killed_as_well(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data")
    built(folder)
    (folder / "restoring" / "old").mkdir()
    said = {"outgoing": OUTGOING, "incoming": ["originals", "registry.sqlite"]}
    (folder / "restoring" / "ready").write_text(json.dumps(said))
    script = SCRIPT[: SCRIPT.index("new = begin_swap")] + "finish_swap(folder)\n"
    script = script.replace("import begin_swap, swap", "import finish_swap")
    for operations in range(50):
        died = run(script, folder, operations)
        if died.returncode == 0:
            break
    assert died.returncode == 0
    finish_swap(folder)
    assert found_in(folder) == NEW


def test_what_was_not_finished_is_removed(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data")
    built(folder)
    finish_swap(folder)
    assert found_in(folder) == OLD


def test_a_swap_may_bring_less_than_it_takes(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data")
    begin_swap(folder, ["index*"])
    swap(folder, ["index*"])
    assert set(found_in(folder)) == {"registry.sqlite", "registry.sqlite-wal", "models"}


class KilledError(BaseException):
    """Ends what goes on as a signal would: nothing catches it."""


class Disk:
    """Fails at one of its renamings, or at each from then on, and may end the process later."""

    def __init__(self, fails_at: int, *, fails_for_good: bool = False, ends_at: int = 999) -> None:
        self._rename = os.rename
        self._fails_at = fails_at
        self._fails_for_good = fails_for_good
        self._ends_at = ends_at
        self.count = 0

    def rename(self, source: str, target: str) -> None:
        self.count += 1
        if self.count >= self._ends_at:
            raise KilledError
        is_said = Path(source).parent.name == "restoring"
        fails = self.count > self._fails_at if self._fails_for_good else False
        if not is_said and (fails or self.count == self._fails_at):
            raise OSError(errno.EIO, "Input/output error")
        self._rename(source, target)


def attempt(disk: Disk, monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> bool:
    """Whether it was done."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", disk.rename)
        try:
            do()
        except (StorageUnavailable, KilledError):
            return False
    return True


def test_a_step_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = 0
    for fails_at in range(1, 20):
        folder = laid_out(tmp_path / str(fails_at))
        built(folder)
        done = attempt(Disk(fails_at), monkeypatch, lambda at=folder: swap(at, OUTGOING))  # type: ignore[misc]
        failed += not done
        if done and fails_at > 1:  # the first is said, not moved
            break
        # At once, without a next start.
        assert found_in(folder) == (NEW if done else OLD), fails_at
    assert failed == 5


def test_a_disk_that_goes_on_failing_is_put_right_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = laid_out(tmp_path / "data")
    built(folder)
    disk = Disk(4, fails_for_good=True)
    assert not attempt(disk, monkeypatch, lambda: swap(folder, OUTGOING))
    assert not attempt(disk, monkeypatch, lambda: finish_swap(folder))
    finish_swap(folder)
    assert found_in(folder) == OLD


def test_going_back_may_be_killed_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for ends_at in range(7, 30):
        folder = laid_out(tmp_path / str(ends_at))
        built(folder)
        disk = Disk(6, ends_at=ends_at)
        assert not attempt(disk, monkeypatch, lambda at=folder: swap(at, OUTGOING))  # type: ignore[misc]
        finish_swap(folder)
        assert found_in(folder) in (OLD, NEW)
        if disk.count < ends_at:
            assert found_in(folder) == OLD
            return
    raise AssertionError("it never came to an end")


def test_the_log_of_a_database_that_made_way_is_never_beside_the_new_one(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data")
    built(folder)
    old = folder / "restoring" / "old"
    old.mkdir()
    said = {"outgoing": OUTGOING, "incoming": ["originals", "registry.sqlite"]}
    (folder / "restoring" / "ready").write_text(json.dumps(said))
    # Killed when the old one had made way; then a command looked into what was left of it.
    for name in ("registry.sqlite", "registry.sqlite-wal"):
        (folder / name).rename(old / name)
    (folder / "registry.sqlite-wal").write_text("of nothing")
    finish_swap(folder)
    assert found_in(folder) == NEW


def test_what_is_a_link_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data")
    elsewhere = tmp_path / "large"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("old")
    (folder / "originals").symlink_to(elsewhere)
    with pytest.raises(Misconfigured, match="originals is a link"):
        begin_swap(folder, OUTGOING)
    assert not (folder / "restoring").exists()
    assert (elsewhere / "kept").read_text() == "old"


@pytest.mark.parametrize("late", [False, True])
def test_what_is_mounted_is_refused_and_stays(tmp_path: Path, late: bool) -> None:
    """A folder of the same disk, as containers have them: it looks like any other."""
    folder = laid_out(tmp_path / "a data folder")
    (folder / "originals").mkdir()
    mounted = f"mount --bind '{tmp_path}' '{folder}/originals'"
    script = "import sys; from pathlib import Path; from lectern.server.swap import *\n"
    script += "folder, outgoing = Path(sys.argv[1]), sys.argv[3:]\n"
    begin, after = "begin_swap(folder, outgoing)\n", "swap(folder, outgoing)"
    mount = f"import subprocess; subprocess.run({mounted!r}, shell=True, check=True)\n"
    script += begin + mount + after if late else mount + begin
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root may mount")
    command = ["unshare", "--mount", sys.executable, "-c", script, str(folder), "0", *OUTGOING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "mount: " in done.stderr or "unshare: " in done.stderr:
        pytest.skip(f"not allowed here: {done.stderr}")
    assert "originals is mounted there" in done.stderr
    finish_swap(folder)
    (folder / "originals").rmdir()
    assert found_in(folder) == OLD
