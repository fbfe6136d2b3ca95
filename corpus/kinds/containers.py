"""What is inside a ZIP or OLE container, from its table of contents alone."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path

# A ZIP's end record is its last 22 bytes plus a comment of up to 65,535.
_END_RECORD = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_MAX_DIRECTORY_BYTES = 8 * 1024 * 1024
_MAX_MIMETYPE_BYTES = 256

# What the standard library raises for a ZIP that is cut off, altered, encrypted or made up.
_DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)

_ZIP_FOLDERS = (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx"))
_ZIP_MIMETYPES = {
    "application/epub+zip": "epub",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.presentation": "odp",
}

# Stream names in an OLE directory, UTF-16-LE. The first found decides.
_OLE_STREAMS = (
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("Workbook", "xls"),
    ("__properties_version1.0", "msg"),
    ("__nameid_version1.0", "msg"),
    ("Book", "xls"),
)
_OLE_DIRECTORY_BYTES = 64 * 1024
_OLE_KINDS = frozenset({"doc", "ppt", "xls", "msg"})
_ENCRYPTED_OPENXML = "EncryptedPackage"


def zip_kind_name(path: Path) -> str | None:
    """The kind of document a ZIP is, "damaged" when its directory is unreadable, None otherwise."""
    if not _has_bounded_directory(path):
        return "damaged"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "mimetype" in names:
                return _ZIP_MIMETYPES.get(_mimetype(archive))
    except _DAMAGED_ZIP:
        return "damaged"
    if "xl/workbook.bin" in names:
        return None
    if "META-INF/container.xml" in names:
        return "epub"
    return next(
        (kind for folder, kind in _ZIP_FOLDERS if any(name.startswith(folder) for name in names)),
        None,
    )


def _mimetype(archive: zipfile.ZipFile) -> str:
    member = archive.getinfo("mimetype")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        # EPUB and OpenDocument store it, careless tools deflate it; the other methods reserve as
        # much memory as the file asks for.
        raise zipfile.BadZipFile("a mimetype that is packed in another way")
    with archive.open(member) as opened:
        return opened.read(_MAX_MIMETYPE_BYTES).decode("ascii", "ignore").strip()


def _has_bounded_directory(path: Path) -> bool:
    """Whether there is an end record, of a directory small enough to read here."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _END_RECORD.size - 0xFFFF))
        tail = file.read()
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END_RECORD.size:
        return False
    directory_bytes: int = _END_RECORD.unpack_from(tail, at)[5]
    # ZIP64 keeps the true figure in a record that stands right before its locator.
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        record = tail[max(0, at - 76) : at - 20]
        if len(record) < 56:
            return False
        (directory_bytes,) = struct.unpack_from("<Q", record, 40)
    return directory_bytes <= _MAX_DIRECTORY_BYTES


def ole_kind_name(path: Path, claimed: str) -> str | None:
    """The kind of an OLE file by the streams in its directory's first entries, else as claimed.

    An encrypted Office document of today's formats is an OLE file, too: it is of the kind its name
    claims, "docx" when that says nothing.
    """
    directory = _ole_directory(path)
    if _ENCRYPTED_OPENXML.encode("utf-16-le") in directory:
        return claimed if claimed in {"docx", "pptx", "xlsx"} else "docx"
    for stream, kind in _OLE_STREAMS:
        if stream.encode("utf-16-le") in directory:
            return kind
    return claimed if claimed in _OLE_KINDS else None


def _ole_directory(path: Path) -> bytes:
    # [MS-CFB] 2.2: the sector size's power at byte 30, the directory's first sector at byte 48;
    # the header takes the place of sector -1.
    with path.open("rb") as file:
        header = file.read(52)
        if len(header) < 52:
            return b""
        (power,) = struct.unpack_from("<H", header, 30)
        (sector,) = struct.unpack_from("<L", header, 48)
        if power not in (9, 12):
            return b""
        file.seek((sector + 1) << power, os.SEEK_SET)
        return file.read(_OLE_DIRECTORY_BYTES)
