"""From what people write in Slack to a question, and from an answer to what Slack shows. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from typing import Any
from urllib.parse import urlencode

from service.answering.citations import Citation
from service.answering.events import AnswerDone, Degraded

# What Slack accepts at most: of a section's text, and of blocks in a message.
MAX_SECTION_CHARS = 3_000
MAX_SOURCES = 20
MAX_EXCERPT_CHARS = 240
FEEDBACK_ACTION = "lectern_feedback"
QUOTES_ACTION = "lectern_quotes"

INTERRUPTED = "The language model broke off before the answer was complete."

# Somebody's id, and their name where Slack gives it; other signs "<" are written "&lt;".
MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|([^<>]*))?>")
_REFERENCE = re.compile(r"<([#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_FORMATTING = re.compile(r"[*_~`]")
_MAY_BECOME_LINK = re.compile(r"(?:\]|:/?)\Z")
_SPACES = re.compile(r"[^\S\n]+")

_SAID_OF = {
    Degraded.LLM_UNAVAILABLE: "The language model is away: these are sentences of the documents.",
    Degraded.PERSONA_NEEDS_LLM: "Without a language model these are the documents' own sentences.",
    Degraded.RERANKER_UNAVAILABLE: "The reranker is away: a better passage may be further behind.",
}


def question_of(text: str) -> str:
    """What was asked, with people, links and channels as far as the text names them."""

    def read(found: re.Match[str]) -> str:
        sign, target, label = found.groups()
        if sign == "!":
            return label or ""
        return label or (f"#{target}" if sign == "#" else target)

    said = _REFERENCE.sub(read, MENTION.sub(lambda found: found[2] or " ", text))
    return _SPACES.sub(" ", unescape(said)).strip()


def with_quoted(question: str, quoted: str) -> str:
    """The question, and what was forwarded with it; that alone where nothing was asked."""
    return f"{question}\n“{quoted}”" if question and quoted else question or quoted


def escaped(text: str) -> str:
    """Text that mentions nobody, whatever stands in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> str:
    """Text that formats nothing either: a name with underscores is not in italics."""
    return _FORMATTING.sub("\u200b\\g<0>", escaped(text))


def mrkdwn(text: str) -> dict[str, Any]:
    """Slack's formatting, of at most `MAX_SECTION_CHARS`: only what is marked as a link is one.

    By itself, Slack makes links of addresses and of the names of channels, and mentions of some
    names.
    """
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: str) -> dict[str, Any]:
    """A block with it."""
    return {"type": "section", "text": mrkdwn(text)}


def shown(markdown: str) -> str:
    """An answer that mentions nobody and links nowhere.

    What a document made a model write must lead nobody elsewhere, and Slack fetches what links
    lead to.
    """
    return escaped(markdown).replace("](", "]\u200b(").replace("://", ":\u200b//")


def settled(said: str) -> tuple[str, str]:
    """What of a text that goes on can be `shown`, and its end, which may yet become a link."""
    held = _MAY_BECOME_LINK.search(said)
    at = held.start() if held else len(said)
    return said[:at], said[at:]


def address_of(citation: Citation, public_url: str) -> str | None:
    """Where the web page shows the page with the passage marked; None without a `public_url`."""
    if not public_url:
        return None
    place = {
        "document": citation.document_id,
        "page": citation.page,
        "start": citation.start_char,
        "end": citation.end_char,
    }
    return f"{public_url.rstrip('/')}/?{urlencode(place)}"


def source_blocks(
    citations: Sequence[Citation],
    public_url: str,
    *,
    heading: str = "Sources",
    with_excerpts: bool = False,
) -> list[dict[str, Any]]:
    """A compact list, each source with its place and a link to the marked page."""
    if not citations:
        return []
    lines = [f"*{heading}*"]
    for citation in citations[:MAX_SOURCES]:
        place = f"{plain(citation.filename).replace('|', '¦')}, page {citation.page}"
        address = address_of(citation, public_url)
        line = f"[{citation.id}] " + (f"<{address}|{place}>" if address else place)
        if with_excerpts:
            line += f": “{plain(' '.join(citation.quote.split())[:MAX_EXCERPT_CHARS])}”"
        if sum(map(len, lines)) + len(line) + len(lines) > MAX_SECTION_CHARS:
            break
        lines.append(line)
    return [section("\n".join(lines))]


def ending_blocks(
    answer_id: str, done: AnswerDone, public_url: str, *, with_excerpts: bool = False
) -> list[dict[str, Any]]:
    """What stands below an answer; `with_excerpts`: the quotes instead of a button for them."""
    blocks = source_blocks(done.citations, public_url, with_excerpts=with_excerpts)
    if done.citations and not with_excerpts:
        blocks += quotes_button(answer_id)
    if done.state == "not_in_documents":
        blocks = source_blocks(
            done.nearest, public_url, heading="The closest passages", with_excerpts=True
        )
    blocks += note_blocks(done.degraded, len(done.unsupported))
    if Degraded.LLM_INTERRUPTED in done.degraded:
        blocks += warning_blocks(INTERRUPTED)
    return [*blocks, *feedback_blocks(answer_id)]


def note_blocks(degraded: Sequence[str], unsupported: int) -> list[dict[str, Any]]:
    """What a reader has to know of the answer, in small print."""
    notes = [_SAID_OF[Degraded(name)] for name in degraded if name in set(_SAID_OF)]
    if unsupported:
        notes.append(
            f"{unsupported} sentence{'s are' if unsupported > 1 else ' is'} not carried by what "
            "the answer cites: check before you rely on it."
        )
    elements = [mrkdwn(f":warning: {note}") for note in notes]
    return [{"type": "context", "elements": elements}] if elements else []


def quotes_button(answer_id: str) -> list[dict[str, Any]]:
    """What shows the quotes to whoever presses it."""
    button = {
        "type": "button",
        "action_id": QUOTES_ACTION,
        "text": {"type": "plain_text", "text": "Show the quotes"},
        "value": answer_id,
    }
    return [{"type": "actions", "elements": [button]}]


def feedback_blocks(answer_id: str) -> list[dict[str, Any]]:
    """Slack's own buttons for a good and a bad answer."""
    buttons = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK_ACTION,
        "positive_button": {
            "text": {"type": "plain_text", "text": "Good answer"},
            "value": f"up {answer_id}",
        },
        "negative_button": {
            "text": {"type": "plain_text", "text": "Bad answer"},
            "value": f"down {answer_id}",
        },
    }
    return [{"type": "context_actions", "elements": [buttons]}]


def warning_blocks(text: str) -> list[dict[str, Any]]:
    """What went wrong, in small print."""
    return [{"type": "context", "elements": [mrkdwn(f":warning: {escaped(text)}")]}]
