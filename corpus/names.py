"""The rule for the names of collections; names of files, made safe to show."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

from corpus.errors import InvalidCollectionName

MAX_FILENAME_CHARS = 255

COLLECTION_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


def check_collection_name(name: str) -> str:
    """The name itself, or `InvalidCollectionName`."""
    if not re.fullmatch(COLLECTION_NAME, name):
        raise InvalidCollectionName(f"{name[:80]!r} cannot be the name of a collection.")
    return name


def clean_filename(name: str | None) -> str:
    """The last path component without control and format characters; never empty.

    It is shown to people and never used as a path.
    """
    last = PureWindowsPath(PurePosixPath(name or "").name).name
    shown = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip()
    if len(shown) > MAX_FILENAME_CHARS:
        stem, dot, extension = shown.rpartition(".")
        keep = MAX_FILENAME_CHARS - len(dot + extension)
        shown = stem[:keep] + dot + extension if stem and keep > 0 else shown[:MAX_FILENAME_CHARS]
    return "unnamed" if shown in {"", ".", ".."} else shown
