"""What python-docx and `unstructured` pass over in an Office file: its title and its notes."""

from __future__ import annotations

import zipfile
from pathlib import Path

from lxml import etree  # type: ignore[import-untyped]

from ingestion.parsing.text.characters import clean_text

_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_NOTES = (("word/footnotes.xml", "footnote"), ("word/endnotes.xml", "endnote"))


def xml_root(data: bytes) -> etree._Element:
    """Parse untrusted XML: no entities, no network. Raises `etree.XMLSyntaxError`."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(data, parser)


def core_title(path: Path) -> str | None:
    """The title in the document's properties."""
    root = _member(path, "docProps/core.xml")
    return None if root is None else root.findtext(f".//{_TITLE}")


def note_texts(path: Path) -> list[str]:
    """The foot- and endnotes of a Word document, in the order of the file."""
    texts = []
    for member, tag in _NOTES:
        root = _member(path, member)
        for note in [] if root is None else root.iter(f"{_WORD}{tag}"):
            # The separator lines above notes are notes with a type.
            if note.get(f"{_WORD}type") is None:
                paragraphs = note.iter(f"{_WORD}p")
                texts.append(" ".join("".join(p.itertext(f"{_WORD}t")) for p in paragraphs))
    return [clean_text(text) for text in texts if text.strip()]


def hides_text(path: Path) -> bool:
    """Whether words of a Word document's own text are formatted as hidden."""
    root = _member(path, "word/document.xml")
    runs = [] if root is None else root.iter(f"{_WORD}r")
    return any(_is_on(run.find(f"{_WORD}rPr/{_WORD}vanish")) and _has_letters(run) for run in runs)


def _is_on(mark: etree._Element | None) -> bool:
    return mark is not None and mark.get(f"{_WORD}val", "true") not in {"0", "false", "off"}


def _has_letters(run: etree._Element) -> bool:
    return any(char.isalnum() for text in run.itertext(f"{_WORD}t") for char in text)


def _member(path: Path, name: str) -> etree._Element | None:
    """A member's XML; None when it is missing or broken, since the text itself can do without."""
    with zipfile.ZipFile(path) as archive:
        try:
            return xml_root(archive.read(name))
        except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile):
            return None
