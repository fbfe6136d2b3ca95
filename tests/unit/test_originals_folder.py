from __future__ import annotations

import subprocess
import sys
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


# What a bucket takes is not loaded where none is configured: it is a fifth of a second, and 30 MB.
WITH_A_FOLDER = """
import sys
from pathlib import Path
import lectern.server.wiring
from corpus.originals.open import opened_originals
from corpus.settings import Settings
with opened_originals(Settings(_env_file=None, data_dir=Path(sys.argv[1]))) as originals:
    originals.ping()
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"boto3", "botocore"}))
"""


def test_a_folder_loads_nothing_of_a_bucket(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITH_A_FOLDER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
