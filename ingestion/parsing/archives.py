"""Refuse a ZIP container that would unpack to far more than a document is, before parsing it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from corpus.errors import BrokenFile, EncryptedFile

MAX_UNPACKED_BYTES = 1024**3
MAX_MEMBERS = 20_000
# Deflate reaches 1,032 at most. A sheet's XML compresses 10 to 30 fold, an empty one up to 200;
# small members may do anything.
MAX_RATIO = 250
RATIO_FROM_BYTES = 16 * 1024**2

_OLE_MAGIC = b"\xd0\xcf\x11\xe0"
_ENCRYPTED_FLAG = 0x1


def check_archive(path: Path) -> None:
    """Return when `path` is a ZIP whose members are plain and of bounded size together.

    Raises `BrokenFile` for a bomb or a damaged archive, `EncryptedFile` for an Office file with a
    password (an OLE container holding the encrypted ZIP) or encrypted members.
    """
    with path.open("rb") as file:
        if file.read(len(_OLE_MAGIC)) == _OLE_MAGIC:
            raise EncryptedFile("This Office file cannot be opened without its password.")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BrokenFile("The file is damaged: its container cannot be opened.") from error
    if any(member.flag_bits & _ENCRYPTED_FLAG for member in members):
        raise EncryptedFile("This file cannot be opened without its password.")
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES:
        raise BrokenFile("The file unpacks to more than a document can hold.")
    if unpacked > RATIO_FROM_BYTES and unpacked > MAX_RATIO * max(packed, 1):
        raise BrokenFile("The file unpacks to far more than its size: it looks like a zip bomb.")
