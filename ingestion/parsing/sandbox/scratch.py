"""A folder into which a parser process writes files for whoever asked it to parse.

The asker names the folder and how much may go into it (`ParserSandbox` sends both along), the
parser writes by plain names, the asker opens by those names. Both ends use this class, and neither
trusts the other with a path: what a taken-over parser leaves there, links and folders, is not
handed on.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from corpus.errors import BrokenFile

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Scratch:
    """At most `limit_bytes` in all, in a `folder` that exists; it is the asker's to remove."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._written_bytes = 0

    @property
    def free_bytes(self) -> int:
        """How much this object may still write."""
        return self.limit_bytes - self._written_bytes

    def write(self, name: str, data: bytes) -> None:
        """Make a new file of this name: letters, digits, ".", "_" and "-", at most 100.

        Raises `BrokenFile` when there is no room for it, `ValueError` for another kind of name,
        `FileExistsError` for one that is taken.
        """
        if len(data) > self.free_bytes:
            raise BrokenFile("More is packed into this file than may be unpacked from it.")
        with self._path(name).open("xb") as file:
            self._written_bytes += file.write(data)

    def written(self, name: str) -> Path | None:
        """The file of this name; None when there is none, or it is not a file of bounded size."""
        path = self._path(name)
        try:
            found = path.lstat()
        except OSError:
            return None
        plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        return path if plain and found.st_size <= self.limit_bytes else None

    def _path(self, name: str) -> Path:
        if not _PLAIN_NAME.fullmatch(name):
            raise ValueError(f"not a plain file name: {name!r}")
        return self.folder / name
