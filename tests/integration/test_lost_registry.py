"""A registry is not made anew beside what the lost one knew: its servers would remove all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from corpus.errors import Misconfigured
from corpus.registry.database.postgres import postgres_registry_as_it_is
from corpus.registry.migrations import stored_revision
from corpus.settings import Settings
from lectern.commands.doctor import examine
from lectern.server.opening import registry_to_work_with
from tests.samples.data_folder import DataFolder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a folder with an original and an index, and without its registry."""
    folder = tmp_path / "data"
    folder.mkdir()
    there = DataFolder(folder)
    there.registry.close()
    (folder / "registry.sqlite").rename(tmp_path / "kept.sqlite")
    return there.settings


def files(settings: Settings) -> set[Path]:
    return {path for path in settings.data_dir.rglob("*") if path.is_file()}


def test_no_process_starts_beside_originals_of_a_registry_that_is_gone(
    settings: Settings, tmp_path: Path
) -> None:
    before = files(settings)
    for command in (["serve"], ["keys", "create", "ann"]):
        done = subprocess.run(
            [sys.executable, "-m", "lectern", *command],
            env={**os.environ, "LECTERN_DATA_DIR": str(settings.data_dir), "LECTERN_PORT": "0"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert "no registry.sqlite that knows it" in done.stderr
    assert before <= files(settings)
    assert not (settings.data_dir / "registry.sqlite").exists()
    assert any("no registry.sqlite that knows it" in one.text for one in examine(settings))
    (tmp_path / "kept.sqlite").rename(settings.data_dir / "registry.sqlite")
    registry_to_work_with(settings).close()


def test_a_registry_without_tables_is_none(settings: Settings) -> None:
    (settings.data_dir / "registry.sqlite").touch()
    with pytest.raises(Misconfigured, match=r"no registry\.sqlite that knows it"):
        registry_to_work_with(settings)


def test_a_new_database_does_not_take_over_a_folder(
    settings: Settings, postgres_url: str, tmp_path: Path
) -> None:
    elsewhere = Settings(data_dir=settings.data_dir, DATABASE_URL=SecretStr(postgres_url))
    with pytest.raises(Misconfigured, match="no registry in DATABASE_URL"):
        registry_to_work_with(elsewhere)
    with (
        postgres_registry_as_it_is(SecretStr(postgres_url)) as registry,
        registry.read() as connection,
    ):
        assert stored_revision(connection) is None
    new = Settings(data_dir=tmp_path / "new", DATABASE_URL=SecretStr(postgres_url))
    registry_to_work_with(new).close()
