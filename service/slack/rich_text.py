"""An answer's Markdown as Slack's rich text, where Slack takes no `markdown` block. Pure.

In rich text no character formats, links or mentions by itself. As in threads, an answer links
nowhere: an address is shown in brackets behind its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

# Of one block, with room to spare for what is not its text.
MAX_BLOCK_CHARS = 2_900
# Slack's own composer goes no deeper.
MAX_INDENT = 8

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_HEADING = re.compile(r"#{1,6}\s+(.*?)[\s#]*\Z")
_ITEM = re.compile(r"(\s*)(?:[-*+]|(\d{1,6})[.)])\s+(\S.*)\Z")
_QUOTE_MARK = re.compile(r"\s*>\s?")
_TABLE_ROW = re.compile(r"\s*\|")
_INLINE = re.compile(
    r"""
      \\(?P<literal>[\\`*_~\[\]()\#+.!>|-])
    | (?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)
    | \*\*(?P<bold>(?=\S).+?(?<=\S))\*\*(?!\*)
    | (?<!\w)__(?P<bolder>(?=\S).+?(?<=\S))__(?!\w)
    | ~~(?P<strike>(?=\S).+?(?<=\S))~~
    | \*(?P<italic>(?=[^\s*]).*?(?<![\s*]))\*(?!\*)
    | (?<!\w)_(?P<slanted>(?=[^\s_]).*?(?<![\s_]))_(?!\w)
    | \[(?P<label>[^\[\]]+)\]\((?P<address>[^()\s]+)\)
    """,
    re.VERBOSE,
)
_STYLES = {
    "bold": "bold",
    "bolder": "bold",
    "italic": "italic",
    "slanted": "italic",
    "strike": "strike",
}


@dataclass(frozen=True, slots=True)
class RichPiece:
    """A block, and the Markdown that it shows."""

    block: dict[str, Any]
    markdown: str


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines that belong together: `kind` is Slack's, without `rich_text_`."""

    kind: str
    lines: tuple[str, ...]
    indent: int = 0
    number: int | None = None

    @property
    def chars(self) -> int:
        return sum(len(line) + 1 for line in self.lines)


def rich_pieces(markdown: str) -> list[RichPiece]:
    """Blocks that show it in order, none longer than Slack allows; one at least."""
    groups: list[list[_Part]] = [[]]
    for part in _cut(_parts(markdown.splitlines())):
        if groups[-1] and sum(one.chars for one in groups[-1]) + part.chars > MAX_BLOCK_CHARS:
            groups.append([])
        groups[-1].append(part)
    return [_piece(group or [_Part("section", ("…",))]) for group in groups]


def _piece(parts: Sequence[_Part]) -> RichPiece:
    elements: list[dict[str, Any]] = []
    for before, part in zip([None, *parts], parts, strict=False):
        element = _element(part)
        if before is not None and _go_on(before, part):
            elements[-1]["elements"] += element["elements"]
        else:
            elements.append(element)
    written = "\n".join(line for part in parts for line in part.lines)
    return RichPiece({"type": "rich_text", "elements": elements}, written)


def _go_on(before: _Part, part: _Part) -> bool:
    """Whether both are items of one list."""
    return (
        before.kind == part.kind == "list"
        and before.indent == part.indent
        and (before.number is None) == (part.number is None)
    )


def _element(part: _Part) -> dict[str, Any]:
    kind = f"rich_text_{part.kind}"
    if part.kind == "preformatted":
        return {"type": kind, "elements": [_text("\n".join(part.lines) or " ")]}
    inline = _lines(part.lines)
    if part.kind != "list":
        return {"type": kind, "elements": inline}
    section = {"type": "rich_text_section", "elements": inline}
    found: dict[str, Any] = {"type": kind, "elements": [section], "indent": part.indent}
    if part.number is None:
        return found | {"style": "bullet"}
    # Slack counts from here: a list that was cut, or interrupted, goes on.
    return found | {"style": "ordered", "offset": max(part.number - 1, 0)}


def _parts(lines: Sequence[str]) -> Iterator[_Part]:
    """Text, lists, quotes, code and tables as they follow on each other."""
    for kind, run in _runs(lines):
        if kind == "list":
            yield from map(_item, run)
            continue
        if kind == "quote":
            run = [_QUOTE_MARK.sub("", line) for line in run]  # noqa: PLW2901
        if kept := _without_ends(run):
            yield _Part(kind, kept)


def _runs(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Neighbours of one kind."""
    kind, run, fence = "section", list[str](), ""
    for line in lines:
        opened = _FENCE.match(line)
        if fence:
            if opened and opened[1].startswith(fence) and not line.strip(" `~"):
                yield kind, run
                kind, run, fence = "section", [], ""
            else:
                run.append(line)
            continue
        now = "preformatted" if opened else _kind_of(line)
        if now != kind or opened:
            yield kind, run
            kind, run = now, []
        if opened:
            fence = opened[1]
        else:
            run.append(line)
    yield kind, run


def _kind_of(line: str) -> str:
    if _TABLE_ROW.match(line):
        return "preformatted"
    if _ITEM.match(line):
        return "list"
    return "quote" if _QUOTE_MARK.match(line) else "section"


def _item(line: str) -> _Part:
    found = _ITEM.match(line)
    assert found is not None  # noqa: S101 - it is of that kind
    indent = min(len(found[1].expandtabs(4)) // 2, MAX_INDENT)
    return _Part("list", (found[3],), indent, int(found[2]) if found[2] else None)


def _without_ends(lines: Sequence[str]) -> tuple[str, ...]:
    """Without empty lines before and after."""
    kept = [at for at, line in enumerate(lines) if line.strip()]
    return tuple(lines[kept[0] : kept[-1] + 1]) if kept else ()


def _cut(parts: Iterator[_Part]) -> Iterator[_Part]:
    """None of the parts longer than a block."""
    for part in parts:
        lines: list[str] = []
        for line in chain.from_iterable(map(_cut_line, part.lines)):
            if lines and sum(len(one) + 1 for one in [*lines, line]) > MAX_BLOCK_CHARS:
                yield _Part(part.kind, tuple(lines), part.indent, part.number)
                lines = []
            lines.append(line)
        yield _Part(part.kind, tuple(lines), part.indent, part.number)


def _cut_line(line: str) -> Iterator[str]:
    most = MAX_BLOCK_CHARS - 1
    while len(line) > most:
        at = line.rfind(" ", most // 2, most) + 1 or most
        yield line[:at]
        line = line[at:]
    yield line


def _lines(lines: Sequence[str]) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = []
    for line in lines:
        if elements:
            elements.append(_text("\n"))
        heading = _HEADING.match(line)
        elements += _inline(heading[1], frozenset({"bold"})) if heading else _inline(line)
    return _joined(elements)


def _inline(text: str, styles: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    at = 0
    for found in _INLINE.finditer(text):
        yield _text(text[at : found.start()], styles)
        at = found.end()
        name = found.lastgroup or ""
        if name in _STYLES:
            yield from _inline(found[name], styles | {_STYLES[name]})
        elif name == "code":
            yield _text(found["code"], styles | {"code"})
        elif name == "address":
            yield from _inline(found["label"], styles)
            yield _text(f" ({found['address']})", styles)
        else:
            yield _text(found["literal"], styles)
    yield _text(text[at:], styles)


def _text(text: str, styles: frozenset[str] = frozenset()) -> dict[str, Any]:
    style = {"style": dict.fromkeys(sorted(styles), True)} if styles else {}
    return {"type": "text", "text": text, **style}


def _joined(elements: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours of one style as one element; none is empty, which Slack refuses."""
    joined: list[dict[str, Any]] = []
    for element in elements:
        if not element["text"]:
            continue
        if joined and joined[-1].get("style") == element.get("style"):
            joined[-1] = {**element, "text": joined[-1]["text"] + element["text"]}
        else:
            joined.append(element)
    return joined or [_text(" ")]
