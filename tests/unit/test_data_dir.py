from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest

from corpus.errors import DataDirInUse
from lectern.server.data_dir import announce, find_server, is_held, owned


def test_a_held_folder_is_refused_to_the_next(tmp_path: Path) -> None:
    with owned(tmp_path):
        announce(tmp_path, "http://127.0.0.1:1")
        with pytest.raises(DataDirInUse, match=r"http://127\.0\.0\.1:1 "), owned(tmp_path):
            pass
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    assert find_server(tmp_path) is None


def test_who_only_looks_whether_a_folder_is_held_does_not_keep_a_server_from_it(
    tmp_path: Path,
) -> None:
    with owned(tmp_path):
        pass
    with (tmp_path / "lectern.lock").open() as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        release = threading.Timer(0.1, fcntl.flock, (looked_at, fcntl.LOCK_UN))
        release.start()
        with owned(tmp_path):
            assert is_held(tmp_path)
        release.join()
