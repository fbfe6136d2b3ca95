"""The log: lines on stderr, alike in the server and in its worker."""

from __future__ import annotations

import logging
import re

from pydantic import SecretStr

from corpus.settings import Settings

LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
TIME = "%Y-%m-%dT%H:%M:%S%z"
OURS = ("lectern", "corpus", "ingestion", "service", "uvicorn")
# What they write at the level debug has session tokens in it that are nowhere in the settings.
TELLTALES = ("boto3", "botocore", "s3transfer")
# A shorter key is a stand-in such as "none" or "ollama", and may be a word of the log.
MIN_SECRET_CHARS = 8

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")


def configure_logging(settings: Settings) -> None:
    """Log from LECTERN_LOG_LEVEL on; the libraries only warnings and errors, unless it is debug."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    handler = logging.StreamHandler()
    handler.setFormatter(WithoutSecrets(settings))
    # The HTTP clients announce every request at the level info.
    libraries = level if level == logging.DEBUG else max(level, logging.WARNING)
    logging.basicConfig(level=libraries, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    for name in TELLTALES:
        logging.getLogger(name).setLevel(max(libraries, logging.INFO))


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
        text = without_userinfo(super().format(record))
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
