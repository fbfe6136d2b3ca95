from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from corpus.repeating import repeating
from corpus.settings import Settings
from corpus.work import Work, current_work, work_for
from lectern.server.logs import JsonLines, WithoutSecrets

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


def in_json(record: logging.LogRecord, settings: Settings | None = None) -> dict[str, Any]:
    line = JsonLines(settings or Settings(_env_file=None)).format(record)
    assert "\n" not in line
    entry: dict[str, Any] = json.loads(line)
    return entry


def a_record(message: str = "said", error: Exception | None = None) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("lectern.x", logging.WARNING, __file__, 1, message, (), exc_info)


def test_in_json_a_line_is_one_object() -> None:
    try:
        int('two\nlines of "it"')
    except ValueError as error:
        entry = in_json(a_record("what\nis \ud800 said", error))
    said_at = datetime.fromisoformat(entry.pop("time"))
    assert said_at.tzinfo == UTC
    assert abs((datetime.now(UTC) - said_at).total_seconds()) < 60
    assert entry.pop("error")["stack"].startswith("Traceback")
    assert entry == {
        "level": "warning",
        "logger": "lectern.x",
        "message": "what\nis \ud800 said",
        "process": os.getpid(),
    }


def test_in_json_secrets_are_not_logged_either() -> None:
    settings = Settings(llm_api_key=SecretStr('sk-"0123456789'), _env_file=None)
    record = a_record('sk-"0123456789', ValueError('for sk-"0123456789'))
    assert "0123456789" not in json.dumps(in_json(record, settings))


def test_a_line_says_what_it_is_about() -> None:
    with work_for(request_id="r1"), work_for(document_id="d1", job_id="j1"):
        entry = in_json(a_record())
        text = WithoutSecrets(Settings(_env_file=None)).format(a_record())
    assert (entry["request_id"], entry["document_id"], entry["job_id"]) == ("r1", "d1", "j1")
    assert text.endswith("said (request_id=r1 document_id=d1 job_id=j1)")
    assert "request_id" not in in_json(a_record())


async def _in_a_task_and_a_thread() -> list[Work]:
    there = await asyncio.create_task(asyncio.to_thread(current_work))
    return [current_work(), there]


def test_it_follows_into_tasks_and_threads() -> None:
    noted: list[Work] = []

    def note(ended: threading.Event) -> None:
        noted.append(current_work())
        ended.set()

    with work_for(request_id="r1"):
        found = asyncio.run(_in_a_task_and_a_thread())
        with repeating(note, 0.01, name="noting"):
            pass
    with work_for(request_id="r2"), repeating(note, 0.01, name="noting"):
        time.sleep(0.05)
    assert {work.request_id for work in found} == {"r1"}
    assert noted[-1].request_id == "r2"
    assert current_work() == Work()


def test_what_nobody_caught_is_a_line_too() -> None:
    script = """
import threading
from corpus.settings import Settings
from lectern.server.logs import configure_logging
configure_logging(Settings(log_format="json"))
def fail(): raise ValueError("in a thread")
thread = threading.Thread(target=fail, name="t1"); thread.start(); thread.join()
raise ValueError("in the end")
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    entries = [json.loads(line) for line in result.stderr.splitlines()]
    assert [entry["error"]["message"] for entry in entries] == ["in a thread", "in the end"]
    assert result.returncode == 1
