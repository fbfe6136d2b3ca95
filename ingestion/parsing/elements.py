"""Word, PowerPoint, HTML and Markdown through `unstructured`, each partitioner by name.

`partition.auto` is avoided: it may import the PDF machinery. Importing any partitioner takes
seconds, so that happens in the functions; the parser process does it once.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import markdown  # type: ignore[import-untyped]
from lxml import etree  # type: ignore[import-untyped]

from corpus.errors import BrokenFile
from ingestion.parsing import offline_nlp
from ingestion.parsing.archives import check_archive
from ingestion.parsing.notices import hidden_text
from ingestion.parsing.office.openxml import core_title, hides_text, note_texts
from ingestion.parsing.office.openxml_repack import repack
from ingestion.parsing.office.slides import charts_and_notes
from ingestion.parsing.parsed import BlockDraft, BlockKind, ParsedDocument, assemble
from ingestion.parsing.text.characters import clean_text
from ingestion.parsing.text.decoding import declared_encoding, decoded
from ingestion.parsing.titles import plausible_title
from ingestion.parsing.web.markup import prepare_html, table_of

if TYPE_CHECKING:
    from unstructured.documents.elements import Element

# An empty language: no detection, which costs more than the rest of the parsing and is not used.
_NO_LANGUAGE: Final = [""]

_KINDS: dict[str, BlockKind] = {"ListItem": "list", "Table": "table", "CodeSnippet": "code"}
# What is left out when all is well: nothing but single characters between blocks.
_COMPLETE = 0.95

_MARGINALS = frozenset({"Header", "Footer"})
_SKIPPED = frozenset({"PageBreak", "PageNumber", "Image"})


def parse_docx(path: Path) -> ParsedDocument:
    """A Word document. Pages are the page breaks that Word saved (one page when it saved none).

    Each running header and footer is kept once; foot- and endnotes follow the last page's text.
    """
    check_archive(path)
    offline_nlp.install()
    from unstructured.partition.docx import partition_docx  # noqa: PLC0415 - seconds

    with _repacked(path) as file:
        pages = _paged(partition_docx(file=file, languages=_NO_LANGUAGE))
    pages[-1][1].extend(BlockDraft(kind="text", text=text) for text in note_texts(path))
    hidden = hides_text(path)
    return assemble(
        pages,
        title=plausible_title(core_title(path)),
        warnings=(hidden_text("is formatted as hidden"),) if hidden else (),
    )


def parse_pptx(path: Path) -> ParsedDocument:
    """A presentation: one page a slide, its title first, then text, charts and speaker notes."""
    check_archive(path)
    offline_nlp.install()
    from unstructured.partition.pptx import partition_pptx  # noqa: PLC0415 - seconds

    with _repacked(path) as file:
        elements = partition_pptx(file=file, include_slide_notes=False, languages=_NO_LANGUAGE)
        file.seek(0)
        extras = charts_and_notes(file)
    # Only depth 0 is a title placeholder; deeper "titles" are short lines of body text.
    pages = dict(_paged(elements, heading_depth=1))
    slides = []
    for number, extra in enumerate(extras, start=1):
        # By their place on the slide, texts above the title would come before it.
        drafts = sorted(pages.get(number, []), key=lambda draft: draft.kind != "heading")
        slides.append((number, drafts + extra))
    return assemble(slides, title=plausible_title(core_title(path)))


def parse_html(path: Path) -> ParsedDocument:
    """A web page as one page."""
    data = path.read_bytes()
    read = decoded(data, declared=declared_encoding(data))
    page = read_html(read.text)
    hidden = (hidden_text("the page does not show", kept=False),) if page.hides_text else ()
    return assemble([(1, page.drafts)], title=page.title, warnings=read.warnings + hidden)


def parse_md(path: Path) -> ParsedDocument:
    """Markdown (tables, fenced code, footnotes, definition lists) as one page."""
    read = decoded(path.read_bytes())
    rendered = markdown.markdown(
        read.text, extensions=["tables", "fenced_code", "footnotes", "def_list", "sane_lists"]
    )
    page = read_html(rendered)
    hidden = (hidden_text("the page does not show", kept=False),) if page.hides_text else ()
    return assemble([(1, page.drafts)], warnings=read.warnings + hidden)


@dataclass(frozen=True, slots=True)
class HtmlText:
    """The blocks of an HTML text in reading order, and its title when plausible.

    `hides_text`: words that its style makes invisible were left out.
    """

    drafts: list[BlockDraft]
    title: str | None
    hides_text: bool


def html_drafts(markup: str) -> tuple[list[BlockDraft], str | None]:
    """Blocks and title of `read_html`."""
    page = read_html(markup)
    return page.drafts, page.title


def read_html(markup: str) -> HtmlText:
    """What a reader sees of an HTML text."""
    offline_nlp.install()
    from unstructured.partition.html import partition_html  # noqa: PLC0415 - seconds

    prepared = prepare_html(markup)
    title = plausible_title(prepared.title)
    if not prepared.texts:
        return HtmlText([], title, prepared.hides_text)
    elements = partition_html(text=prepared.markup, languages=_NO_LANGUAGE)
    drafts = [draft for element in elements if (draft := _draft(element, heading_depth=6))]
    if _letters(draft.text for draft in drafts) < _COMPLETE * _letters(prepared.texts):
        # libxml2 stops at 256 elements inside each other, and all below is lost without a word.
        drafts = [BlockDraft(kind="text", text=clean_text(text)) for text in prepared.texts]
    return HtmlText(drafts, title, prepared.hides_text)


def _letters(texts: Iterable[str]) -> int:
    return sum(char.isalnum() for text in texts for char in text)


def _repacked(path: Path) -> io.BytesIO:
    try:
        return repack(path)
    except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile) as error:
        raise BrokenFile("This Office file is damaged: its text cannot be read.") from error


def _paged(
    elements: Iterable[Element], *, heading_depth: int = 9
) -> list[tuple[int, list[BlockDraft]]]:
    """Drafts by page, every page from 1 to the last present, at least one."""
    pages: list[tuple[int, list[BlockDraft]]] = [(1, [])]
    marginals: set[str] = set()
    for element in elements:
        number = element.metadata.page_number or len(pages)
        pages.extend((missing, []) for missing in range(len(pages) + 1, number + 1))
        if element.category in _MARGINALS:
            if element.text in marginals:
                continue
            marginals.add(element.text)
        if draft := _draft(element, heading_depth=heading_depth):
            pages[number - 1][1].append(draft)
    return pages


def _draft(element: Element, *, heading_depth: int) -> BlockDraft | None:
    """A heading is what the file marks as one: a "Title" of known depth below `heading_depth`."""
    if element.category in _SKIPPED:
        return None
    table_html = element.metadata.text_as_html
    if element.category == "Table" and table_html:
        return table_of(table_html)
    depth = element.metadata.category_depth
    if element.category == "Title" and depth is not None and depth < heading_depth:
        return BlockDraft(kind="heading", text=_one_line(element.text), level=depth + 1)
    return BlockDraft(kind=_KINDS.get(element.category, "text"), text=clean_text(element.text))


def _one_line(text: str) -> str:
    return " ".join(clean_text(text).split())
