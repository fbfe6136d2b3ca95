"""What Slack takes of the blocks of a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# What Slack documents: of a message's Markdown (in sum), of a section, and of blocks.
MAX_MARKDOWN_CHARS = 12_000
MAX_SECTION_CHARS = 3_000
MAX_BLOCKS = 50
MAX_ELEMENTS = {"context": 10, "actions": 25}
MAX_VALUE_CHARS = 2_000
# `msg_blocks_too_long`: of all text in blocks; not documented, but met.
MAX_BLOCKS_CHARS = 13_200


def broken_rules(blocks: list[dict[str, Any]]) -> Iterator[str]:
    """What Slack would not take of these blocks."""
    if len(blocks) > MAX_BLOCKS:
        yield f"{len(blocks)} blocks"
    if (chars := sum(len(one) for one in _texts(blocks))) > MAX_BLOCKS_CHARS:
        yield f"{chars} characters in blocks"
    marked = [block["text"] for block in blocks if block["type"] == "markdown"]
    if len("".join(marked)) > MAX_MARKDOWN_CHARS:
        yield "too much Markdown"
    for block in blocks:
        yield from _broken_by(block)


def _broken_by(block: dict[str, Any]) -> Iterator[str]:
    kind, text, elements = block["type"], block.get("text") or "", block.get("elements", ())
    if not all(one.get("verbatim") for one in (text, *elements) if _is_mrkdwn(one)):
        yield "mrkdwn of which Slack makes links"
    text = text.get("text", "") if isinstance(text, dict) else text
    if not text and kind in {"section", "markdown"}:
        yield f"an empty {kind}"
    if kind == "section" and len(text) > MAX_SECTION_CHARS:
        yield f"{len(text)} characters in a section"
    if len(elements) > MAX_ELEMENTS.get(kind, len(elements)):
        yield f"{len(elements)} elements in {kind}"
    if kind == "context" and not all(one.get("text") for one in elements):
        yield "an empty element"
    if any(len(one.get("value", "")) > MAX_VALUE_CHARS for one in elements):
        yield "a long value"


def _is_mrkdwn(one: object) -> bool:
    return isinstance(one, dict) and one.get("type") == "mrkdwn"


def _texts(value: object) -> Iterator[str]:
    """Every text in it."""
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name == "text" and isinstance(one, str):
                yield one
            else:
                yield from _texts(one)
