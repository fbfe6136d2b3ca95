"""Which kinds of files are read, and which kind a file is.

The content decides; the name only tells apart what looks alike (kinds of text), and what a damaged
container was meant to be. At most `HEAD_BYTES` of the beginning and a bounded part of a
container's table of contents are read, so the API process can ask for any upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corpus.errors import EmptyFile, UnknownFileKind
from corpus.kinds.containers import ole_kind_name, zip_kind_name
from corpus.kinds.encodings import looks_like_text, unicode_encoding
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


@dataclass(frozen=True)
class FileKind:
    """A kind of file. `extensions` are lower case with their dot, the usual one first."""

    name: str
    media_type: str
    extensions: tuple[str, ...]


_OPENXML = "application/vnd.openxmlformats-officedocument"
KINDS: tuple[FileKind, ...] = (
    FileKind("pdf", "application/pdf", (".pdf",)),
    FileKind("docx", f"{_OPENXML}.wordprocessingml.document", (".docx", ".docm", ".dotx")),
    FileKind("pptx", f"{_OPENXML}.presentationml.presentation", (".pptx", ".pptm", ".ppsx")),
    FileKind("xlsx", f"{_OPENXML}.spreadsheetml.sheet", (".xlsx", ".xlsm", ".xltx")),
    FileKind("odt", "application/vnd.oasis.opendocument.text", (".odt",)),
    FileKind("odp", "application/vnd.oasis.opendocument.presentation", (".odp",)),
    FileKind("epub", "application/epub+zip", (".epub",)),
    FileKind("doc", "application/msword", (".doc", ".dot")),
    FileKind("ppt", "application/vnd.ms-powerpoint", (".ppt", ".pps")),
    FileKind("xls", "application/vnd.ms-excel", (".xls", ".xlt")),
    FileKind("msg", "application/vnd.ms-outlook", (".msg",)),
    FileKind("png", "image/png", (".png",)),
    FileKind("jpg", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif")),
    FileKind("tiff", "image/tiff", (".tiff", ".tif")),
    FileKind("heic", "image/heic", (".heic", ".heif")),
    FileKind("bmp", "image/bmp", (".bmp", ".dib")),
    FileKind("gif", "image/gif", (".gif",)),
    FileKind("webp", "image/webp", (".webp",)),
    FileKind("rtf", "application/rtf", (".rtf",)),
    FileKind("html", "text/html", (".html", ".htm", ".xhtml")),
    FileKind("eml", "message/rfc822", (".eml",)),
    FileKind("md", "text/markdown", (".md", ".markdown", ".mdx")),
    FileKind("csv", "text/csv", (".csv",)),
    FileKind("tsv", "text/tab-separated-values", (".tsv", ".tab")),
    FileKind("xml", "application/xml", (".xml",)),
    FileKind("json", "application/json", (".json",)),
    FileKind("ndjson", "application/x-ndjson", (".ndjson", ".jsonl")),
    FileKind("rst", "text/x-rst", (".rst",)),
    FileKind("org", "text/org", (".org",)),
    FileKind("code", "text/x-source", (".py", ".go", ".js", ".ts", ".java", ".c", ".h", ".cpp")),
    FileKind("txt", "text/plain", (".txt", ".text", ".log")),
)
_BY_NAME = {kind.name: kind for kind in KINDS}
_BY_EXTENSION = {extension: kind for kind in KINDS for extension in kind.extensions}
_CONTAINERS = frozenset({"pdf", "docx", "pptx", "xlsx", "odt", "odp", "epub"})
# Their pages have no text of their own: what stands on them is for OCR to read.
PICTURE_KINDS = frozenset({"png", "jpg", "tiff", "heic", "bmp", "gif", "webp"})


def kind_named(name: str) -> FileKind:
    """The kind of this name. Raises `KeyError` when there is none."""
    return _BY_NAME[name]


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
    claimed = _BY_EXTENSION.get(Path(filename).suffix.lower())
    name = _binary_kind_name(path, head, claimed.name if claimed else "")
    if name is None and not _is_surely_foreign(head) and looks_like_text(head, whole=whole):
        name = _text_kind_name(head, Path(filename).suffix.lower(), claimed, whole=whole)
    if name is None:
        raise _unknown(head, filename)
    return _BY_NAME[name]


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
