"""HTML made ready for `unstructured`, which by itself passes over a good part of it.

Its HTML parser drops forms (on many sites the whole page is one), figures, details, labels,
captions and blocks of one character; and it flattens a table used for layout into one line, as most
mail is written. So those elements are renamed to plain ones here, and what a reader does not see
is taken out: quotes must be findable on the page, and invisible text is where injected instructions
hide. Navigation is left out, as `unstructured` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from lxml import etree, html  # type: ignore[import-untyped]

from ingestion.parsing.parsed import BlockDraft
from ingestion.parsing.tables import CELL_JOIN, table_draft
from ingestion.parsing.text.characters import clean_text
from ingestion.parsing.web.markup_hidden import unseen

_DROPPED = frozenset(
    ("script", "style", "noscript", "template", "iframe", "object", "svg", "head", "nav")
)
_RENAMED = {
    **dict.fromkeys(("form", "figure", "details", "fieldset", "dialog", "center", "button"), "div"),
    **dict.fromkeys(("summary", "figcaption", "legend"), "p"),
    "label": "span",
}
_TABLE_PARTS = frozenset({"table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption"})
_BLOCKS_IN_CELL = "|".join(f".//{tag}" for tag in ("table", "h1", "h2", "h3", "h4", "ul", "ol"))
# Fewer are arrows and counters of menus.
_FEWEST_HIDDEN_LETTERS = 10
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


@dataclass(frozen=True)
class PreparedHtml:
    """`markup` for `partition_html`, the content of `<title>`, and all visible texts in order.

    `hides_text`: a fair number of letters were taken out because a reader does not see them.
    """

    markup: str
    title: str | None
    texts: tuple[str, ...]
    hides_text: bool


def prepare_html(markup: str) -> PreparedHtml:
    """Never raises on bad markup; `markup` is empty when nothing is left of it."""
    root = _parse(markup)
    if root is None:
        return PreparedHtml("", None, (), hides_text=False)
    title = root.findtext(".//title")
    styled = next(root.iter("style", "link"), None) is not None
    for element in list(root.iter(*_DROPPED)):
        if element.getparent() is not None:
            element.drop_tree()
    hidden_letters = 0
    for element in list(unseen(root, styled_elsewhere=styled)):
        hidden_letters += sum(char.isalnum() for text in element.itertext() for char in text)
        element.drop_tree()
    for element in root.iter(*_RENAMED):
        element.tag = _RENAMED[element.tag]
    for table in reversed(list(root.iter("table"))):
        if _is_layout(table):
            _unwrap(table)
    for element in root.iter("p", "div"):
        # One character is too short for a block of its own, but not for a list item.
        if len(element) == 0 and len((element.text or "").strip()) == 1:
            element.tag = "li"
    texts = (" ".join(text.split()) for text in root.itertext())
    return PreparedHtml(
        etree.tostring(root, encoding="unicode", method="html"),
        title,
        tuple(text for text in texts if text),
        hides_text=hidden_letters >= _FEWEST_HIDDEN_LETTERS,
    )


def table_of(table_html: str) -> BlockDraft:
    """A table's rows in order, one a line, cells joined by " | "; empty rows are left out.

    Its header is its caption and the rows of `<th>` at its top, else what looks like one.
    """
    root = _parse(table_html)
    if root is None:
        return BlockDraft(kind="table", text="")
    rows = [(row_text([_text(cell) for cell in row]), _is_marked(row)) for row in _rows(root)]
    rows = [(line, marked) for line, marked in rows if line.strip()]
    captions = [line for one in root.iter("caption") if (line := row_text([_text(one)]))]
    marked = len(list(takewhile(lambda row: row[1], rows)))
    # A table of nothing but headings has none for its rows.
    in_head = len(captions) + marked if 0 < marked < len(rows) else 0
    text = clean_text("\n".join([*captions, *(line for line, _ in rows)]))
    return table_draft(text, marked_lines=in_head)


def row_text(cells: list[str]) -> str:
    """Cells joined by " | "; empty ones keep their place, except at the row's end."""
    filled = [" ".join(cell.split()) for cell in cells]
    while filled and not filled[-1]:
        filled.pop()
    return CELL_JOIN.join(filled)


def _parse(markup: str) -> html.HtmlElement | None:
    text = _DECLARATION.sub("", markup)
    parser = html.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        return html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:
        return None


def _rows(root: html.HtmlElement) -> Iterator[list[html.HtmlElement]]:
    for row in root.iter("tr"):
        yield list(row.iterchildren("td", "th"))


def _is_marked(row: list[html.HtmlElement]) -> bool:
    """Whether all of its cells are headings; a first one alone names the row."""
    return all(cell.tag == "th" for cell in row)


def _is_layout(table: html.HtmlElement) -> bool:
    """A table around other blocks, or with one filled cell a row at most, holds no data."""
    rows = list(table.iter("tr"))
    if all(sum(1 for cell in row if _text(cell).strip()) <= 1 for row in rows):
        return True
    return any(cell.xpath(_BLOCKS_IN_CELL) for row in rows for cell in row)


def _unwrap(table: html.HtmlElement) -> None:
    """Make plain blocks of this table's rows and cells; tables in its cells stay."""
    own = [
        part
        for part in table.iter(*_TABLE_PARTS)
        if part is table
        or (part.tag != "table" and next(part.iterancestors("table"), None) is table)
    ]
    for part in own:
        part.tag = "div"


def _text(element: html.HtmlElement) -> str:
    return " ".join(element.itertext())
