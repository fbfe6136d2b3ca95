from __future__ import annotations

import logging
import re
import subprocess
import sys

import pytest
from pydantic import SecretStr

from corpus.settings import Settings
from lectern.server.logs import WithoutSecrets

SCRIPT = """
import logging, sys
from corpus.settings import Settings
from lectern.server.logs import configure_logging

configure_logging(Settings(log_level=sys.argv[1]))
for name in ("lectern.worker", "uvicorn.error", "httpx", "botocore.auth"):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger(name).log(level, "said")
"""


def said(level: str) -> list[tuple[str, str]]:
    """(logger, level) of the lines that a process of this level writes."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, level], capture_output=True, text=True, check=True
    )
    assert result.stdout == ""
    line = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ([A-Z]+) +([a-z.]+): said")
    found = [line.fullmatch(text) for text in result.stderr.splitlines()]
    assert all(found), result.stderr
    return [(match[2], match[1]) for match in found if match]


@pytest.mark.parametrize(
    ("level", "ours", "libraries"),
    [("debug", 4, 4), ("info", 3, 2), ("warning", 2, 2), ("error", 1, 1)],
)
def test_libraries_are_heard_from_warning_on_and_we_from_the_level(
    level: str, ours: int, libraries: int
) -> None:
    counts = {"lectern.worker": 0, "uvicorn.error": 0, "httpx": 0, "botocore.auth": 0}
    for name, _ in said(level):
        counts[name] += 1
    assert counts == {
        "lectern.worker": ours,
        "uvicorn.error": ours,
        "httpx": libraries,
        "botocore.auth": min(libraries, 3),
    }


def test_secrets_are_never_logged() -> None:
    settings = Settings(
        llm_api_key=SecretStr("sk-0123456789"), embedding_api_key=SecretStr("none"), _env_file=None
    )
    error = ValueError("401 for sk-0123456789")
    record = logging.LogRecord(
        "httpx",
        logging.ERROR,
        __file__,
        1,
        "none of %s answered",
        ("http://me:word@host/v1?key=sk-0123456789",),
        (ValueError, error, None),
    )
    entry = WithoutSecrets(settings).format(record)
    assert "sk-0123456789" not in entry
    assert "none of http://***@host/v1?key=*** answered" in entry
    assert "ValueError: 401 for ***" in entry
