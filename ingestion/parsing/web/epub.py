"""EPUB: the chapters in reading order (EPUB 3.3, sections 4.2.6 and 5.7), one page each."""

from __future__ import annotations

import posixpath
import zipfile
from pathlib import Path
from urllib.parse import unquote

from lxml import etree  # type: ignore[import-untyped]

from corpus.errors import BrokenFile, EncryptedFile
from corpus.reports import ReadingWarning
from ingestion.parsing.archives import check_archive
from ingestion.parsing.elements import html_drafts
from ingestion.parsing.office.openxml import xml_root
from ingestion.parsing.parsed import ParsedDocument, assemble
from ingestion.parsing.text.decoding import declared_encoding, decode_text
from ingestion.parsing.titles import plausible_title

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_CHAPTER_TYPES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"


def parse_epub(path: Path) -> ParsedDocument:
    """A book: page n is the n-th item of its spine, with the chapter's own headings.

    Raises `BrokenFile` when the container or the package document is missing or broken,
    `EncryptedFile` when a chapter is under digital rights management.
    """
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            package_name = _package_name(archive)
            package = xml_root(archive.read(package_name))
            chapters = _chapters(package, posixpath.dirname(package_name))
            locked = _encrypted_members(archive)
            if locked.intersection(chapters):
                raise EncryptedFile("This book is locked by digital rights management.")
            known = set(archive.namelist())
            missing = [name for name in chapters if name not in known]
            markups = [archive.read(name) if name in known else b"" for name in chapters]
    except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile) as error:
        raise BrokenFile("This book is damaged: its contents cannot be found.") from error
    pages = []
    for number, markup in enumerate(markups, start=1):
        drafts, _ = html_drafts(decode_text(markup, declared=declared_encoding(markup)))
        pages.append((number, drafts))
    return assemble(
        pages,
        title=plausible_title(package.findtext(f".//{_DC_TITLE}")),
        all_pages_read=not missing,
        warnings=tuple(
            ReadingWarning(
                "chapters_missing",
                f"The chapter {name} is missing from the book.",
                (chapters.index(name) + 1,),
            )
            for name in missing
        ),
    )


def _package_name(archive: zipfile.ZipFile) -> str:
    rootfile = xml_root(archive.read(_CONTAINER)).find(".//{*}rootfile")
    name = None if rootfile is None else rootfile.get("full-path")
    if not name:
        raise KeyError("rootfile")
    return str(name)


def _chapters(package: etree._Element, folder: str) -> list[str]:
    """Names of the spine's documents in the archive, in reading order, each once."""
    items = {item.get("id"): item for item in package.iterfind(".//{*}manifest/{*}item")}
    names: dict[str, None] = {}
    for itemref in package.iterfind(".//{*}spine/{*}itemref"):
        item = items.get(itemref.get("idref"))
        if item is not None and item.get("media-type") in _CHAPTER_TYPES:
            name = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
            names[name] = None
    return list(names)


def _encrypted_members(archive: zipfile.ZipFile) -> set[str]:
    """Members that are encrypted; often only fonts are."""
    try:
        root = xml_root(archive.read(_ENCRYPTION))
    except KeyError:
        return set()
    return {
        unquote(reference.get("URI", "")) for reference in root.iterfind(".//{*}CipherReference")
    }
