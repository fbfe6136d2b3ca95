from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from corpus.settings import Settings


def written(tmp_path: Path, *lines: str) -> Settings:
    env_file = tmp_path / "settings"
    env_file.write_text("\n".join(lines))
    return Settings(_env_file=env_file)


def test_an_empty_value_means_the_default(tmp_path: Path) -> None:
    names = ["LECTERN_LLM=", "LECTERN_PORT=", "LECTERN_EMBEDDING=", "LECTERN_LLM_API_KEY="]
    assert written(tmp_path, *names, "QDRANT_URL=", "QDRANT_API_KEY=") == Settings(_env_file=None)


def test_a_log_level_is_one_of_four(tmp_path: Path) -> None:
    assert written(tmp_path, "LECTERN_LOG_LEVEL=warning").log_level == "warning"
    with pytest.raises(ValidationError, match="'debug', 'info', 'warning' or 'error'"):
        written(tmp_path, "LECTERN_LOG_LEVEL=loud")


def test_no_more_replicas_can_be_waited_for_than_there_are(tmp_path: Path) -> None:
    waits = "LECTERN_QDRANT_WRITE_CONSISTENCY=2"
    assert written(tmp_path, "LECTERN_QDRANT_REPLICAS=2", waits).qdrant_write_consistency == 2
    with pytest.raises(ValidationError, match="only 1 replicas"):
        written(tmp_path, "LECTERN_QDRANT_REPLICAS=1", waits)
    # How many there are is the server's to say.
    assert written(tmp_path, waits).qdrant_write_consistency == 2
