from __future__ import annotations

from pathlib import Path

import pytest

from corpus.errors import StorageUnavailable
from corpus.originals.folder import FolderOriginals


def test_what_the_file_system_says_is_said_in_our_words(tmp_path: Path) -> None:
    originals = FolderOriginals(tmp_path)
    (tmp_path / "staging").rmdir()
    with pytest.raises(StorageUnavailable, match="is not there"):
        originals.ping()
    (tmp_path / "staging").write_text("no folder")
    with pytest.raises(StorageUnavailable, match="could not be stored"), originals.receive():
        pass
    (tmp_path / "ab").write_text("no folder")
    with pytest.raises(StorageUnavailable, match="originals could not be listed"):
        list(originals.kept())
