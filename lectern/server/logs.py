"""The log: lines on stderr, alike in the server and in its worker.

A line says what it is about (corpus/work.py): the request, and in the worker document and job.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType

from pydantic import SecretStr

from corpus.settings import Settings
from corpus.work import current_work

LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
TIME = "%Y-%m-%dT%H:%M:%S%z"
OURS = ("lectern", "corpus", "ingestion", "service", "uvicorn")
# What they write at the level debug has session tokens in it that are nowhere in the settings.
TELLTALES = ("boto3", "botocore", "s3transfer")
# A shorter key is a stand-in such as "none" or "ollama", and may be a word of the log.
MIN_SECRET_CHARS = 8

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")

log = logging.getLogger("lectern")


def configure_logging(settings: Settings) -> None:
    """Log from LECTERN_LOG_LEVEL on; the libraries only warnings and errors, unless it is debug."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    handler = logging.StreamHandler()
    lines = JsonLines if settings.log_format == "json" else WithoutSecrets
    handler.setFormatter(lines(settings))
    # The HTTP clients announce every request at the level info.
    libraries = level if level == logging.DEBUG else max(level, logging.WARNING)
    logging.basicConfig(level=libraries, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.getLogger("lectern.audit").setLevel(logging.INFO)  # who did what, at any level
    for name in TELLTALES:
        logging.getLogger(name).setLevel(max(libraries, logging.INFO))
    sys.excepthook = _on_uncaught
    threading.excepthook = _on_uncaught_in_thread


def without_userinfo(text: str) -> str:
    """The text with `***` for the name and password inside its URLs."""
    return _USERINFO.sub("***@", text)


class WithoutSecrets(logging.Formatter):
    """Writes `***` for the keys of the settings and the passwords in URLs, also in tracebacks."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(LINE, TIME)
        values = (value for _, value in settings if isinstance(value, SecretStr))
        secrets = {value.get_secret_value() for value in values}
        self._secrets = [secret for secret in secrets if len(secret) >= MIN_SECRET_CHARS]

    def format(self, record: logging.LogRecord) -> str:
        """One entry, ready to be written."""
        return self.redacted(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the parent's name
        """Its first line, with what it is about."""
        known = " ".join(f"{name}={value}" for name, value in _what_it_is_about().items())
        line = super().formatMessage(record)
        return f"{line} ({known})" if known else line

    def redacted(self, text: str) -> str:
        """The text without secrets."""
        text = without_userinfo(text)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class JsonLines(WithoutSecrets):
    """One JSON object a line, for programs; `time` is UTC, as RFC 3339 has it."""

    def format(self, record: logging.LogRecord) -> str:
        """One entry: what is not known of it is not in it."""
        at = datetime.fromtimestamp(record.created, UTC)
        entry: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.redacted(record.getMessage()),
            "process": record.process,
            **_what_it_is_about(),
        }
        if record.exc_info is not None and (error := record.exc_info[1]) is not None:
            entry["error"] = {
                "type": type(error).__qualname__,
                "message": self.redacted(str(error)),
                "stack": self.redacted(self.formatException(record.exc_info)),
            }
        return json.dumps(entry, ensure_ascii=False)


def _what_it_is_about() -> Mapping[str, str]:
    work = current_work()
    fields = {
        "request_id": work.request_id,
        "document_id": work.document_id,
        "job_id": work.job_id,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _on_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("the process ends", exc_info=(kind, error, trace))


def _on_uncaught_in_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is None or issubclass(raised.exc_type, SystemExit):
        return
    name = raised.thread.name if raised.thread is not None else "?"
    error = (raised.exc_type, raised.exc_value, raised.exc_traceback)
    log.error("the thread %s ended", name, exc_info=error)
