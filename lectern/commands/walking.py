"""Which files a command line means: those it names, and what is in the folders it names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

OnUnreadable = Callable[[str, OSError], None]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to add. `name` is what to call it to people; `is_named`: the command names it."""

    path: Path
    name: str
    size_bytes: int
    is_named: bool


@dataclass(frozen=True, slots=True)
class Globs:
    """Which files of a folder are meant: any of `include` (none: all), and none of `exclude`.

    A pattern is for a file's name, or its path within the folder; what it excludes may be a folder.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def wants(self, within: str) -> bool:
        """Whether the file at this path, with slashes, is meant."""
        return (not self.include or _any(self.include, within)) and self.enters(within)

    def enters(self, within: str) -> bool:
        """Whether anything in the folder at this path may be meant."""
        return not _any(self.exclude, within)


def find_files(
    paths: Sequence[Path], globs: Globs, on_unreadable: OnUnreadable
) -> Iterator[FoundFile]:
    """Files in the order named, those of a folder by name; lazily, so there may be any number.

    Hidden ones in folders are left out, and each folder is entered once, however many links lead
    to it. What cannot be looked at is told to `on_unreadable` and left out.
    """
    entered: set[tuple[int, int]] = set()
    for path in paths:
        try:
            if path.is_dir():
                yield from _in_folder(path, "", globs, entered, on_unreadable)
            else:
                yield FoundFile(path, printable(path.name), path.stat().st_size, is_named=True)
        except OSError as error:
            on_unreadable(printable(path.name), error)


def printable(name: str) -> str:
    """The name with marks for the bytes in it that are no characters."""
    return os.fsencode(name).decode(errors="replace")


def _in_folder(
    folder: Path,
    within: str,
    globs: Globs,
    entered: set[tuple[int, int]],
    on_unreadable: OnUnreadable,
) -> Iterator[FoundFile]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as scanned:
            entries = sorted(
                (entry for entry in scanned if not entry.name.startswith(".")),
                key=lambda entry: entry.name,
            )
    except OSError as error:
        on_unreadable(printable(within or folder.name), error)
        return
    for entry in entries:
        inner = f"{within}{entry.name}"
        try:
            if entry.is_dir():
                if globs.enters(inner):
                    below = _in_folder(Path(entry.path), f"{inner}/", globs, entered, on_unreadable)
                    yield from below
            elif entry.is_file() and globs.wants(inner):
                size_bytes = entry.stat().st_size
                yield FoundFile(Path(entry.path), printable(inner), size_bytes, is_named=False)
        except OSError as error:
            on_unreadable(printable(inner), error)


def _any(patterns: Sequence[str], within: str) -> bool:
    name = within.rpartition("/")[2]
    return any(fnmatch(within, pattern) or fnmatch(name, pattern) for pattern in patterns)
