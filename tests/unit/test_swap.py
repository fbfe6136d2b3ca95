"""A swap that is killed at each of its operations on files, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lectern.server.swap import begin_swap, finish_swap, swap

OUTGOING = ["registry.sqlite*", "originals", "index", "index.*", "index-[0-9]*"]
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
new = begin_swap(folder)
(new / "registry.sqlite").write_text("new")
(new / "originals").write_text("new")
swap(folder, sys.argv[3:])
"""


def laid_out(folder: Path) -> Path:
    folder.mkdir()
    for name, text in OLD.items():
        (folder / name).write_text(text)
    return folder


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
    new = begin_swap(folder)
    (new / "registry.sqlite").write_text("new")
    (new / "originals").write_text("new")
    (folder / "restoring" / "ready").write_text('["registry.sqlite*", "index-[0-9]*"]')
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
    (begin_swap(folder) / "registry.sqlite").write_text("new")
    finish_swap(folder)
    assert found_in(folder) == OLD


def test_a_swap_may_bring_less_than_it_takes(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data")
    begin_swap(folder)
    swap(folder, ["index*"])
    assert set(found_in(folder)) == {"registry.sqlite", "registry.sqlite-wal", "models"}
