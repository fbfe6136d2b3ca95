"""What a parser gives back: pages of text, and the structure found in them.

The document's text is its pages' texts joined by a form feed (U+000C); every offset counts
characters in that text. A kind without pages (Markdown, HTML, mail) has one page, number 1;
slides and sheets count as pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

from corpus.reports import ReadingWarning

PAGE_SEPARATOR = "\f"

BlockKind = Literal["heading", "text", "list", "table", "code"]


class Block(BaseModel):
    """One structural piece of a page, in reading order.

    `start_char` and `end_char` delimit it in the document's text (end exclusive). `level` is a
    heading's depth from 1 (outermost), 0 for anything else. Of a table, each line of text is a row
    with its cells parted by " | "; `header` is its caption and the rows that name its columns, a
    line each, and the first `header_lines` lines of its text are that (none when they stand in a
    table before).
    """

    model_config = ConfigDict(frozen=True)

    kind: BlockKind
    start_char: int
    end_char: int
    level: int = 0
    header: str = ""
    header_lines: int = 0


class ParsedPage(BaseModel):
    """One page: `number` counts from 1, `start_char` is where its text begins in the document.

    `by_ocr`: its text was recognised in a picture, with `ocr_confidence`, the mean over its
    characters, in [0, 1] (None: not by OCR). `unmapped_share` in [0, 1] is how much of its
    text the file gives no meaning for (glyphs of a PDF without a Unicode value).
    """

    model_config = ConfigDict(frozen=True)

    number: int
    text: str
    start_char: int
    blocks: tuple[Block, ...] = ()
    by_ocr: bool = False
    ocr_confidence: float | None = None
    unmapped_share: float = 0.0


class Attachment(BaseModel):
    """A file found in the document: its name, safe to show, and that of its copy in the scratch."""

    model_config = ConfigDict(frozen=True)

    filename: str
    scratch_name: str


class ParsedDocument(BaseModel):
    """All pages in order. `title` is the document's own title, if it states one.

    `all_pages_read` is False when a page was left out: damaged, or beyond the limit. `warnings` say
    what a person should know of the reading. `attachments` are the files within it that are to be
    documents of their own.
    """

    model_config = ConfigDict(frozen=True)

    pages: tuple[ParsedPage, ...]
    title: str | None = None
    pages_needing_ocr: tuple[int, ...] = ()
    all_pages_read: bool = True
    warnings: tuple[ReadingWarning, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def pages_with_text(self) -> int:
        """How many pages hold any text."""
        return sum(1 for page in self.pages if page.text.strip())


class BlockDraft(BaseModel):
    """A piece of one page before offsets are known; `text` has no form feed in it."""

    model_config = ConfigDict(frozen=True)

    kind: BlockKind
    text: str
    level: int = 0
    header: str = ""
    header_lines: int = 0


def assemble(
    pages: Iterable[tuple[int, list[BlockDraft]]],
    *,
    title: str | None = None,
    pages_needing_ocr: tuple[int, ...] = (),
    all_pages_read: bool = True,
    warnings: tuple[ReadingWarning, ...] = (),
    attachments: tuple[Attachment, ...] = (),
    block_separator: str = "\n\n",
    unmapped_shares: Mapping[int, float] = MappingProxyType({}),
) -> ParsedDocument:
    """Join drafts into page texts and count the offsets.

    Empty drafts are dropped; `unmapped_shares` are by page number. Property:
    `document_text[b.start_char:b.end_char]` is the text of each block `b`.
    """
    done: list[ParsedPage] = []
    start_char = 0
    for number, drafts in pages:
        text, blocks = _joined(drafts, start_char, block_separator)
        done.append(
            ParsedPage(
                number=number,
                text=text,
                start_char=start_char,
                blocks=blocks,
                unmapped_share=unmapped_shares.get(number, 0.0),
            )
        )
        start_char += len(text) + len(PAGE_SEPARATOR)
    return ParsedDocument(
        pages=tuple(done),
        title=title,
        pages_needing_ocr=pages_needing_ocr,
        all_pages_read=all_pages_read,
        warnings=warnings,
        attachments=attachments,
    )


def _joined(
    drafts: Iterable[BlockDraft], start_char: int, separator: str
) -> tuple[str, tuple[Block, ...]]:
    """The text of a page that begins at `start_char`, and its blocks."""
    parts: list[str] = []
    blocks: list[Block] = []
    for draft in drafts:
        text = draft.text.replace(PAGE_SEPARATOR, " ").strip()
        if not text:
            continue
        if parts:
            start_char += len(separator)
        end_char = start_char + len(text)
        blocks.append(
            Block(
                kind=draft.kind,
                start_char=start_char,
                end_char=end_char,
                level=draft.level,
                header=draft.header,
                header_lines=draft.header_lines,
            )
        )
        parts.append(text)
        start_char = end_char
    return separator.join(parts), tuple(blocks)
