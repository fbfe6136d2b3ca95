"""Which kind a file is.

The content decides; the name only tells apart what looks alike (kinds of text), and what a damaged
container was meant to be. At most `HEAD_BYTES` of the beginning and a bounded part of a
container's table of contents are read, so the API process can ask for any upload.
"""

from __future__ import annotations

from pathlib import Path

from corpus.errors import EmptyFile, UnknownFileKind
from corpus.kinds.containers import ole_kind_name, zip_kind_name
from corpus.kinds.encodings import looks_like_text, unicode_encoding
from corpus.kinds.known import FileKind, kind_by_extension, kind_named
from corpus.kinds.pictures import picture_kind_name
from corpus.kinds.texts import text_kind_name

HEAD_BYTES = 64 * 1024

# A PDF's header may follow up to 1,024 bytes of something else (ISO 32000-1, annex H.3.4.1).
_PDF_HEADER_WITHIN = 1024
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Formats we recognise only to say what it is that we do not read.
_FOREIGN = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"ID3", "an MP3 recording"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
)
_ARCHIVE_HINT = "Unpack the archive and upload the files in it."


_CONTAINERS = frozenset({"pdf", "docx", "pptx", "xlsx", "odt", "odp", "epub"})


def detect_kind(path: Path, filename: str) -> FileKind:
    """The kind of the file at `path`, which its owner calls `filename`.

    Raises `EmptyFile` for no bytes and `UnknownFileKind` when no parser reads it. A container that
    is damaged, or is plain text in truth, is of the kind its name claims: its parser will say so.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        whole = not file.read(1)
    if not head:
        raise EmptyFile(f"{filename or 'The file'} is empty.")
    claimed = kind_by_extension(Path(filename).suffix.lower())
    name = _binary_kind_name(path, head, claimed.name if claimed else "")
    if name is None and not _is_surely_foreign(head) and looks_like_text(head, whole=whole):
        name = _text_kind_name(head, Path(filename).suffix.lower(), claimed, whole=whole)
    if name is None:
        raise _unknown(head, filename)
    return kind_named(name)


def _binary_kind_name(path: Path, head: bytes, claimed: str) -> str | None:
    if b"%PDF" in head[:_PDF_HEADER_WITHIN]:
        return "pdf"
    if head.startswith(_ZIP_MAGIC):
        found = zip_kind_name(path)
        return (claimed if claimed in _CONTAINERS else None) if found == "damaged" else found
    if head.startswith(_OLE_MAGIC):
        return ole_kind_name(path, claimed)
    return "rtf" if head.startswith(b"{\\rtf") else picture_kind_name(head)


def _text_kind_name(
    head: bytes, extension: str, claimed: FileKind | None, *, whole: bool
) -> str | None:
    encoding = unicode_encoding(head, whole=whole) or "latin-1"
    name = text_kind_name(head.decode(encoding, errors="ignore"), extension)
    if name == "txt" and claimed and claimed.name in _CONTAINERS:
        return claimed.name
    return name


def _is_surely_foreign(head: bytes) -> bool:
    # Text may begin with "MZ", but not with bytes that no text has.
    return any(head.startswith(magic) for magic, _ in _FOREIGN if not magic.isalnum())


def _unknown(head: bytes, filename: str) -> UnknownFileKind:
    called = filename or "The file"
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            hint = _ARCHIVE_HINT if "archive" in what else None
            return UnknownFileKind(f"{called} is {what}, which is not read here.", hint=hint)
    if head.startswith(_ZIP_MAGIC):
        return UnknownFileKind(f"{called} is an archive, not a document.", hint=_ARCHIVE_HINT)
    return UnknownFileKind(f"{called} is of no kind that is read here.")
