"""Real programs within limits, and what is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingestion.programs.running import Limits, Outcome, Program, wait_for_any
from ingestion.programs.workspace import open_workspace

ROOT = Path(__file__).parents[2]
LIMITS = Limits(timeout_s=60, memory_bytes=512 * 1024**2, file_bytes=1024**2)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


class GivingUpError(Exception):
    pass


def run(folder: Path, script: str, limits: Limits = LIMITS) -> Outcome:
    with Program(["/bin/sh", "-c", script], folder=folder, limits=limits) as program:
        assert wait_for_any([program], lambda: None) == [program]
        return program.outcome()


def is_gone(pid: int) -> bool:
    """Whether the process ends within half a minute; a zombie has."""
    for _ in range(300):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def pid_in(path: Path) -> int:
    for _ in range(300):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.1)
    raise AssertionError("the program did not say its id")


def test_a_program_says_how_it_ended_and_leaves_its_output(tmp_path: Path) -> None:
    assert run(tmp_path, "echo out; echo err >&2; exit 3").exit_code == 3
    assert (tmp_path / "stdout").read_text() == "out\n"
    assert (tmp_path / "stderr").read_text() == "err\n"
    assert run(tmp_path, "kill -SEGV $$").exit_code == -11


@linux_only
def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    limits = Limits(timeout_s=0.5, memory_bytes=LIMITS.memory_bytes, file_bytes=1024)
    assert run(tmp_path, "sleep 600 & echo $! > child; wait", limits).timed_out
    assert is_gone(pid_in(tmp_path / "child"))


@linux_only
def test_giving_up_ends_the_program_and_removes_what_it_left_elsewhere(tmp_path: Path) -> None:
    left = tmp_path / "left"

    def give_up() -> None:
        if left.exists():
            raise GivingUpError

    script = f"echo $$ > pid; touch {left}; sleep 600"
    with (
        pytest.raises(GivingUpError),
        Program(["/bin/sh", "-c", script], folder=tmp_path, limits=LIMITS, leftovers=[left]) as run,
    ):
        wait_for_any([run], give_up)
    assert is_gone(pid_in(tmp_path / "pid"))
    assert not left.exists()


def test_no_file_grows_beyond_the_limit(tmp_path: Path) -> None:
    assert run(tmp_path, "dd if=/dev/zero of=large bs=65536 count=100").exit_code != 0
    assert (tmp_path / "large").stat().st_size <= LIMITS.file_bytes


@linux_only
def test_memory_is_limited(tmp_path: Path) -> None:
    taking = f"{sys.executable} -c 'print(len(bytearray(900 * 1024**2)))'"
    assert run(tmp_path, taking).exit_code != 0
    assert "MemoryError" in (tmp_path / "stderr").read_text()


def test_secrets_are_not_inherited(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from ingestion.programs.running import Limits, Program, wait_for_any\n"
        "limits = Limits(60, 2**29, 2**20)\n"
        "with Program(['env'], folder=pathlib.Path(sys.argv[1]), limits=limits) as program:\n"
        "    wait_for_any([program], lambda: None)\n"
    )
    secrets = {"LECTERN_LLM_API_KEY": "sk-secret", "DATABASE_URL": "sk-secret", "HOME": "/root/x"}
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={"PATH": os.environ["PATH"], **secrets},
        cwd=ROOT,
        check=True,
    )
    shown = (tmp_path / "stdout").read_text()
    assert "PATH=" in shown
    assert "sk-secret" not in shown
    assert f"HOME={tmp_path}\n" in shown


@linux_only
def test_a_program_and_its_folder_do_not_outlive_the_worker(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from ingestion.programs.running import Limits, Program, wait_for_any\n"
        "from ingestion.programs.workspace import open_workspace\n"
        "with open_workspace(pathlib.Path(sys.argv[1])) as work, work.folder() as folder:\n"
        "    command = ['/bin/sh', '-c', 'echo $$; exec sleep 600']\n"
        "    with Program(command, folder=folder, limits=Limits(600, 2**29, 2**20)) as program:\n"
        "        print(folder, flush=True)\n"
        "        wait_for_any([program], lambda: None)\n"
    )
    root = tmp_path / "scratch"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(root)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        folder = Path(worker.stdout.readline().strip())
        pid = pid_in(folder / "stdout")
        worker.kill()
    assert is_gone(pid)
    assert folder.is_dir()
    with open_workspace(root):
        assert not folder.exists()


def test_a_folder_that_a_living_worker_holds_is_left_alone(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as one, one.folder() as held:
        (held / "page").write_text("x")
        with open_workspace(tmp_path) as other, other.folder() as second:
            assert (held / "page").exists()
            assert second.is_dir()
        assert not second.exists()
    assert list(tmp_path.iterdir()) == []
