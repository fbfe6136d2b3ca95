"""Which function reads which kind of file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from corpus.errors import NeedsLibreOffice
from corpus.kinds.known import PICTURE_KINDS, FileKind
from ingestion.parsing.elements import parse_docx, parse_html, parse_md, parse_pptx
from ingestion.parsing.mail.eml import parse_eml
from ingestion.parsing.mail.outlook import parse_msg
from ingestion.parsing.notices import pages_beyond_limit
from ingestion.parsing.office.opendocument import parse_odt
from ingestion.parsing.office.sheets import parse_csv, parse_tsv, parse_xls, parse_xlsx
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.pdf.text_layer import parse_pdf
from ingestion.parsing.pictures.files import parse_picture
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.parsing.text.plain import parse_code, parse_json, parse_rtf, parse_text, parse_xml
from ingestion.parsing.web.epub import parse_epub

Progress = Callable[[int, int], None]


def _needs_libreoffice(_path: Path) -> ParsedDocument:
    raise NeedsLibreOffice("Reading this kind of file needs LibreOffice.")


PARSERS: MappingProxyType[str, Callable[[Path], ParsedDocument]] = MappingProxyType(
    {
        "docx": parse_docx,
        "pptx": parse_pptx,
        "xlsx": parse_xlsx,
        "odt": parse_odt,
        "odp": _needs_libreoffice,
        "epub": parse_epub,
        "doc": _needs_libreoffice,
        "ppt": _needs_libreoffice,
        "xls": parse_xls,
        "rtf": parse_rtf,
        "html": parse_html,
        "md": parse_md,
        "csv": parse_csv,
        "tsv": parse_tsv,
        "xml": parse_xml,
        "json": parse_json,
        "ndjson": parse_json,
        "rst": parse_text,
        "org": parse_text,
        "code": parse_code,
        "txt": parse_text,
    }
)


# The kinds that carry other files.
MAIL_PARSERS = MappingProxyType({"eml": parse_eml, "msg": parse_msg})


def parse(
    path: Path,
    kind: FileKind,
    *,
    max_pages: int,
    on_progress: Progress | None = None,
    scratch: Scratch | None = None,
) -> ParsedDocument:
    """The document in the file at `path`, its first `max_pages` pages (a warning says so).

    `on_progress(done, total)` counts pages, for kinds that are long enough to need it (PDF).
    Files that a mail carries are written to `scratch`; without it they are only named.
    Raises the `UnreadableFile` errors; whatever else a library raises on a damaged file passes
    through, and the parser process answers for it. A document without text is returned as it is.
    """
    if kind.name == "pdf":
        return parse_pdf(path, max_pages=max_pages, on_progress=on_progress)
    if kind.name in PICTURE_KINDS:
        return parse_picture(path, kind.name, max_pages=max_pages)
    if kind.name in MAIL_PARSERS:
        return MAIL_PARSERS[kind.name](path, scratch)
    return _first_pages(PARSERS[kind.name](path), max_pages)


def _first_pages(document: ParsedDocument, max_pages: int) -> ParsedDocument:
    count = len(document.pages)
    if count <= max_pages:
        return document
    return document.model_copy(
        update={
            "pages": document.pages[:max_pages],
            "all_pages_read": False,
            "warnings": (*document.warnings, pages_beyond_limit(max_pages, count)),
        }
    )
