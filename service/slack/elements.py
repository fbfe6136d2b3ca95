"""The elements of Slack's rich text, in which no character formats, links or mentions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Element: TypeAlias = dict[str, Any]

PLAIN = frozenset[str]()


def text(said: str, styles: frozenset[str] = PLAIN) -> Element:
    """Characters in one style: `bold`, `italic`, `strike`, `code`."""
    return {"type": "text", "text": said} | (
        {"style": dict.fromkeys(sorted(styles), True)} if styles else {}
    )


def element(kind: str, inside: Sequence[Element]) -> Element:
    """What holds others; `kind` is Slack's, without `rich_text_`."""
    return {"type": f"rich_text_{kind}", "elements": list(inside)}


def block(elements: Sequence[Element]) -> Element:
    """The block with them."""
    return {"type": "rich_text", "elements": list(elements)}


def text_of(shown: Element) -> str:
    """What stands in it, each item of a list in a line of its own."""
    if "text" in shown:
        return str(shown["text"])
    between = "\n" if shown["type"] == "rich_text_list" else ""
    return between.join(map(text_of, shown["elements"]))


def joined(texts: Sequence[Element]) -> list[Element]:
    """Neighbours of one style as one; none is empty, which Slack refuses, and one there is."""
    found: list[Element] = []
    for one in texts:
        if found and found[-1].get("style") == one.get("style"):
            found[-1] = found[-1] | {"text": found[-1]["text"] + one["text"]}
        elif one["text"]:
            found.append(one)
    return found or [text(" ")]
