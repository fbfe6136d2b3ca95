"""The kinds of files that are read: each is a line here, and a parser (see parsers.py)."""

from __future__ import annotations

from dataclasses import dataclass

# fmt: off
_CODE = (
    ".py", ".pyi", ".go", ".js", ".mjs", ".jsx", ".ts", ".tsx", ".java", ".kt",
    ".scala", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".rs", ".rb", ".php",
    ".swift", ".sh", ".bash", ".ps1", ".bat", ".sql", ".r", ".jl", ".lua", ".pl",
    ".css", ".scss", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".env", ".dockerfile",
    ".tf", ".proto", ".vue", ".ipynb", ".diff", ".patch",
)
# fmt: on


@dataclass(frozen=True)
class FileKind:
    """A kind of file. `extensions` are lower case with their dot, the usual one first.

    `is_named`: a text with such a name is of this kind however it begins. Documents about mail,
    markup and code quote their subject.
    """

    name: str
    media_type: str
    extensions: tuple[str, ...]
    is_named: bool = False


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
    FileKind("md", "text/markdown", (".md", ".markdown", ".mdx"), is_named=True),
    FileKind("csv", "text/csv", (".csv",), is_named=True),
    FileKind("tsv", "text/tab-separated-values", (".tsv", ".tab"), is_named=True),
    FileKind("xml", "application/xml", (".xml", ".svg", ".rss", ".atom")),
    FileKind("json", "application/json", (".json", ".geojson"), is_named=True),
    FileKind("ndjson", "application/x-ndjson", (".ndjson", ".jsonl"), is_named=True),
    FileKind("rst", "text/x-rst", (".rst",), is_named=True),
    FileKind("org", "text/org", (".org",), is_named=True),
    FileKind("code", "text/x-source", _CODE, is_named=True),
    FileKind("txt", "text/plain", (".txt", ".text", ".log")),
)
_BY_NAME = {kind.name: kind for kind in KINDS}
_BY_MEDIA_TYPE = {kind.media_type: kind for kind in KINDS}
_BY_EXTENSION = {extension: kind for kind in KINDS for extension in kind.extensions}
# Their pages have no text of their own: what stands on them is for OCR to read.
PICTURE_KINDS = frozenset({"png", "jpg", "tiff", "heic", "bmp", "gif", "webp"})
# Their pages can be drawn.
DRAWN_KINDS = PICTURE_KINDS | {"pdf"}


def kind_named(name: str) -> FileKind:
    """The kind of this name. Raises `KeyError` when there is none."""
    return _BY_NAME[name]


def kind_of_media_type(media_type: str) -> FileKind | None:
    """The kind of this media type, None for one that is not read here."""
    return _BY_MEDIA_TYPE.get(media_type)


def kind_by_extension(extension: str) -> FileKind | None:
    """The kind whose files are called so; `extension` is lower case with its dot, or ""."""
    return _BY_EXTENSION.get(extension)
