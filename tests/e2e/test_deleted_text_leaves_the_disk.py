"""After a deletion, and the time that it is given, no file of the data folder has the text."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from corpus.index.edge.compaction import COMPACT_AFTER_S
from tests.e2e.server import LecternServer

LIMIT_S = 60.0
GONE, KEPT = "zithermaker", "xylophonist"


def files_with(folder: Path, text: str) -> list[str]:
    found = []
    for parent, _, names in os.walk(folder):  # the server may be removing what this looks at
        for path in (Path(parent, name) for name in names):
            try:
                if path.is_file() and text.encode() in path.read_bytes():
                    found.append(str(path.relative_to(folder)))
            except FileNotFoundError:
                continue
    return found


def test_deleted_text_is_gone_also_when_the_server_was_killed(
    make_data_dir: Callable[[], Path],
) -> None:
    folder = make_data_dir()
    with LecternServer(folder) as server:
        gone = server.add("gone.txt", f"The {GONE} of Rum earns 7 florins.".encode())
        server.add("kept.txt", f"The {KEPT} of Eigg earns 9 florins.".encode())
        assert server.http.delete(f"/documents/{gone['id']}").json()["verified"]
        server.kill()
        assert files_with(folder, GONE)  # else this test shows nothing
        (mark,) = folder.glob("index*.removed")
        long_ago = mark.stat().st_mtime - COMPACT_AFTER_S
        os.utime(mark, (long_ago, long_ago))
        server.start()
        deadline_s = time.monotonic() + LIMIT_S
        while files_with(folder, GONE) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        assert files_with(folder, GONE) == []
        assert files_with(folder, KEPT)
        assert "9 florins" in server.chat(f"What does the {KEPT} of Eigg earn?")["answer"]
