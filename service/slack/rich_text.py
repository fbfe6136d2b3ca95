"""An answer's Markdown as Slack's rich text, where Slack takes no `markdown` block. Pure.

As in threads, an answer links nowhere: an address is shown in brackets behind its words. A long
answer takes a while: not for the event loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from service.slack.elements import PLAIN, Element, block, element, joined, text, text_of

# Of one block, with room to spare for what is not its text.
MAX_BLOCK_CHARS = 2_900
# Slack's own composer goes no deeper.
MAX_INDENT = 8
# The parser drops what is nested deeper; each level takes it some of Python's stack.
MAX_NESTING = 100

_PARSER = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING})
_PARSER.enable(["table", "strikethrough"])
# "[1]: anchor.txt" is a source here, and what documents say is escaped nowhere.
_PARSER.disable(["reference", "entity"])
_BETWEEN = text("\n\n")  # two paragraphs
_PARAGRAPHS = {"rich_text_section", "rich_text_quote"}
_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}


@dataclass(frozen=True, slots=True)
class RichPiece:
    """A block, and what can be read in it."""

    block: Element
    text: str


def rich_pieces(markdown: str) -> list[RichPiece]:
    """Blocks that show it in order, none longer than Slack allows; one at least."""
    pieces: list[list[Element]] = [[]]
    room = MAX_BLOCK_CHARS
    for one in _elements(markdown):
        for part in _cut(one):
            chars = len(text_of(part)) + 2
            if pieces[-1] and chars > room:
                pieces.append([])
                room = MAX_BLOCK_CHARS
            room -= chars
            _add(pieces[-1], part)
    return [_piece(one or [element("section", [text("…")])]) for one in pieces]


def _piece(elements: Sequence[Element]) -> RichPiece:
    for one in elements:
        if one["type"] in _PARAGRAPHS:
            one["elements"] = joined(one["elements"])
    return RichPiece(block(elements), "\n".join(map(text_of, elements)))


def _elements(markdown: str) -> list[Element]:
    tokens = _PARSER.parse(markdown)
    if any(token.level >= MAX_NESTING - 2 for token in tokens):
        return [element("section", [text(markdown)])]  # as it was written, and whole
    walk = _Walk(markdown)
    for token in tokens:
        walk.on(token)
    return walk.elements


@dataclass(slots=True)
class _List:
    """A list around: how many items stand before the current one, or None without numbers."""

    before: int | None
    is_begun: bool = True  # the current item


class _Walk:
    """Goes through the parser's tokens; `elements` is what Slack has for them, items one by one."""

    def __init__(self, markdown: str) -> None:
        self.elements: list[Element] = []
        self._lines = markdown.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._around: list[_List | None] = []  # lists, and quotes as None
        self._styles = PLAIN
        self._is_in_table = False

    def on(self, token: Token) -> None:
        """Take the next token."""
        match token.type:
            case "heading_open" | "heading_close":
                self._styles = frozenset({"bold"}) if token.nesting > 0 else PLAIN
            case "table_open" | "table_close":
                self._is_in_table = token.nesting > 0
                if self._is_in_table:
                    first, end = token.map or (0, 0)
                    self._add_code("\n".join(self._lines[first:end]))
            case "fence" | "code_block":
                self._add_code(token.content.rstrip("\n"))
            case "hr":
                self._add_paragraph([text("———")])
            case "inline" if not self._is_in_table:
                self._add_paragraph(_inline(token.children or (), self._styles))
            case _:
                self._on_what_holds_others(token)

    def _on_what_holds_others(self, token: Token) -> None:
        match token.type:
            case "blockquote_open":
                self._enter(None)
            case "bullet_list_open":
                self._enter(_List(None))
            case "ordered_list_open":
                self._enter(_List(max(int(token.attrs.get("start", 1)) - 1, 0) - 1))
            case "blockquote_close" | "bullet_list_close" | "ordered_list_close":
                self._around.pop()
            case "list_item_open":
                self._begin_item()
            case "list_item_close":
                self._mark_item()

    def _enter(self, around: _List | None) -> None:
        if self._around and self._around[-1] is not None:
            self._around[-1].is_begun = True
        self._around.append(around)

    def _begin_item(self) -> None:
        here = self._around[-1]
        assert here is not None  # noqa: S101 - items stand in lists
        here.is_begun = False
        if here.before is not None:
            here.before += 1

    def _mark_item(self) -> None:
        """Show that there is an item, also where it does not begin with words."""
        here = self._around[-1] if self._around else None
        if here is not None and not here.is_begun:
            self._add_paragraph([])

    def _add_code(self, code: str) -> None:
        """A table too: as it was written, its columns stand below each other."""
        self._mark_item()
        self.elements.append(element("preformatted", [text(code or " ")]))

    def _add_paragraph(self, inline: Sequence[Element]) -> None:
        here = self._around[-1] if self._around else None
        if self._around and here is None:
            self.elements.append(element("quote", inline))
        elif here is None:
            self.elements.append(element("section", inline))
        elif here.is_begun:
            self._go_on(inline)
        else:
            here.is_begun = True
            self.elements.append(self._item(here, inline))

    def _go_on(self, inline: Sequence[Element]) -> None:
        """With the item, if its words were the last."""
        last = self.elements[-1] if self.elements else {}
        if last.get("type") == "rich_text_list" and last["indent"] == self._indent:
            [section] = last["elements"]
            section["elements"] += [_BETWEEN, *inline]
        else:
            self.elements.append(element("section", inline))

    @property
    def _indent(self) -> int:
        return min(sum(one is not None for one in self._around) - 1, MAX_INDENT)

    def _item(self, here: _List, inline: Sequence[Element]) -> Element:
        found: dict[str, Any] = element("list", [element("section", inline)])
        found |= {"style": "bullet" if here.before is None else "ordered", "indent": self._indent}
        if here.before is not None:
            found |= {"offset": here.before}
        return found | ({"border": 1} if None in self._around else {})


def _inline(tokens: Sequence[Token], styles: frozenset[str]) -> list[Element]:
    found: list[Element] = []
    links: list[tuple[str, int]] = []  # each address, and where its words begin
    outside: list[frozenset[str]] = []
    for token in tokens:
        match token.type:
            case "strong_open" | "em_open" | "s_open":
                outside.append(styles)
                styles = styles | {_STYLES[token.tag]}
            case "strong_close" | "em_close" | "s_close":
                styles = outside.pop()
            case "link_open":
                links.append((str(token.attrs["href"]), len(found)))
            case "link_close":
                address, at = links.pop()
                words = "".join(map(text_of, found[at:]))
                if token.info != "auto" and words != address:
                    found.append(text(f" ({address})", styles))
            case _:
                found.append(_words(token, styles))
    return found


def _words(token: Token, styles: frozenset[str]) -> Element:
    match token.type:
        case "code_inline":
            return text(token.content, styles | {"code"})
        case "softbreak" | "hardbreak":
            return text("\n", styles)
        case "image":
            return text(f"{token.content} ({token.attrs['src']})", styles)
        case _:
            return text(token.content, styles)


def _add(elements: list[Element], part: Element) -> None:
    """Items of one list stand in one; between paragraphs is an empty line."""
    last = elements[-1] if elements else {}
    if _is_next_item(last, part):
        last["elements"] += part["elements"]
    elif last.get("type") == part["type"] in _PARAGRAPHS:
        last["elements"] += [_BETWEEN, *part["elements"]]
    else:
        elements.append(part)


def _is_next_item(last: Element, part: Element) -> bool:
    same = ("type", "style", "indent", "border")
    return (
        part["type"] == "rich_text_list"
        and all(last.get(name) == part.get(name) for name in same)
        and ("offset" not in part or last["offset"] + len(last["elements"]) == part["offset"])
    )


def _cut(whole: Element) -> Iterator[Element]:
    """In parts that fit a block; what an item has beyond the first has no mark of its own."""
    if whole["type"] != "rich_text_list":
        for part in _cut_texts(joined(whole["elements"])):
            yield whole | {"elements": part}
        return
    first, *others = _cut_texts(joined(whole["elements"][0]["elements"]))
    yield whole | {"elements": [element("section", first)]}
    for part in others:
        yield element("section", part)


def _cut_texts(texts: Sequence[Element]) -> Iterator[list[Element]]:
    part: list[Element] = []
    room = MAX_BLOCK_CHARS
    for one in texts:
        said = one["text"]
        while len(said) > room:
            at = _end_of_words(said, room) or (0 if part else room)
            if at:
                part.append(one | {"text": said[:at]})
            yield part
            said, part, room = said[at:], [], MAX_BLOCK_CHARS
        part.append(one | {"text": said})
        room -= len(said)
    yield part


def _end_of_words(said: str, most: int) -> int:
    """Where a line ends, or a word, in the second half of so many characters; 0: nowhere."""
    return said.rfind("\n", most // 2, most) + 1 or said.rfind(" ", most // 2, most) + 1
