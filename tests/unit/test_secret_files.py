"""Secrets in files: which settings may have one, and what is said when there is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from corpus.errors import Misconfigured
from corpus.secret_files import SUFFIX, is_secret, variable_of
from corpus.settings import Settings
from lectern.cli import app
from tests.conftest import ROOT

SECRETS = [name for name, field in Settings.model_fields.items() if is_secret(field)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("pa$$ word\n")
    return path


def test_all_that_is_hidden_is_a_secret() -> None:
    hidden = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field)}
    assert set(SECRETS) == hidden
    documented = (ROOT / "docs" / "production.md").read_text()
    said = set(re.findall(rf"\b([A-Z_]+){SUFFIX}\b", documented))
    assert {variable_of(Settings, name) for name in SECRETS} <= said


@pytest.mark.parametrize("name", SECRETS)
def test_each_is_read_from_its_file(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{variable_of(Settings, name)}{SUFFIX}", str(file))
    found = getattr(Settings(), name)
    assert isinstance(found, SecretStr)
    assert found.get_secret_value() == "pa$$ word"


def test_dotenv_may_name_one_and_the_environment_wins(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"QDRANT_API_KEY_FILE={file}\nLECTERN_LLM_API_KEY=\n")
    key = Settings(_env_file=dotenv).qdrant_api_key
    assert key is not None
    assert key.get_secret_value() == "pa$$ word"
    monkeypatch.setenv("QDRANT_API_KEY", "of the environment")
    key = Settings(_env_file=dotenv).qdrant_api_key
    assert key is not None
    assert key.get_secret_value() == "of the environment"


@pytest.mark.parametrize("stronger", ["itself", "in a file"])
@pytest.mark.parametrize("weaker", ["missing", "both"])
def test_what_the_environment_has_is_not_looked_for_in_dotenv(
    stronger: str, weaker: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv = tmp_path / ".env"
    itself = "LECTERN_LLM_API_KEY=another\n" if weaker == "both" else ""
    dotenv.write_text(f"{itself}LECTERN_LLM_API_KEY_FILE={tmp_path}/nothing\n")
    with pytest.raises(Misconfigured, match="LECTERN_LLM_API_KEY_FILE"):
        Settings(_env_file=dotenv)
    if stronger == "itself":
        monkeypatch.setenv("LECTERN_LLM_API_KEY", "pa$$ word")
    else:
        monkeypatch.setenv("LECTERN_LLM_API_KEY_FILE", str(file))
    key = Settings(_env_file=dotenv).llm_api_key
    assert key is not None
    assert key.get_secret_value() == "pa$$ word"


@pytest.mark.parametrize("how", ["missing", "a folder", "empty", "no text", "both"])
def test_what_cannot_be_used_is_said_and_no_secret_is(
    how: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how in {"missing", "a folder"}:
        file.unlink()
    if how == "a folder":
        file.mkdir()
    if how == "empty":
        file.write_text(" \n")
    if how == "no text":
        file.write_bytes(b"\xff\xfe\xff")
    if how == "both":
        monkeypatch.setenv("DATABASE_URL", "postgresql://u:hidden@h/d")
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    with pytest.raises(Misconfigured, match="DATABASE_URL_FILE") as said:
        Settings()
    assert "hidden" not in f"{said.value.detail} {said.value.hint}"
    done = CliRunner().invoke(app, ["keys", "list"])
    assert done.exit_code == 1
    assert done.output.startswith("error: DATABASE_URL")
