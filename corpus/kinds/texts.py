"""Which kind of text a text is: by how it begins, then by the extension of its name."""

from __future__ import annotations

import json
import re

from corpus.kinds.known import kind_by_extension

# Possessive, so that a file of nothing but comments cannot make it backtrack without end.
_HTML_START = re.compile(
    r"\s*+(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?:(?!-->).)*+-->\s*+)*+<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML_START = re.compile(r"\s*<\?xml\b")
_HTML_TAG = re.compile(r"<(body|head|div|p|table|h[1-6]|span|br|ul|a)\b[^>]*>", re.IGNORECASE)
_MAIL_HEADER = re.compile(
    r"^(From|To|Cc|Subject|Date|Message-ID|MIME-Version|Received|Return-Path|Content-Type|"
    r"Delivered-To|Reply-To|Sender|DKIM-Signature|X-[A-Za-z-]+):",
    re.IGNORECASE,
)
_MAIL_FOLDED = re.compile(r"^([ \t]|[!-9;-~]+:|From |$)")
_HTML_EXCERPT = 4096


def text_kind_name(beginning: str, extension: str) -> str:
    """The name of the kind: "txt" when nothing says otherwise.

    `beginning` is the decoded start of the file, `extension` lower case with its dot, or "".
    """
    text = beginning.removeprefix("\ufeff")
    kind = kind_by_extension(extension)
    by_name = "" if kind is None else kind.name
    if kind is not None and kind.is_named:
        return by_name
    found = _markup(text) or ("eml" if _is_mail(text, claimed=extension == ".eml") else None)
    if found:
        return found
    if by_name == "html" and _HTML_TAG.search(text[:_HTML_EXCERPT]):
        return "html"
    if by_name == "xml" and text.lstrip().startswith("<"):
        return "xml"
    if extension == ".xls" and "\t" in text.split("\n", 1)[0]:
        return "tsv"
    return "json" if _is_json(text) else "txt"


def _markup(text: str) -> str | None:
    if _HTML_START.match(text[:_HTML_EXCERPT]):
        return "html"
    return "xml" if _XML_START.match(text) else None


def _is_mail(text: str, *, claimed: bool) -> bool:
    """Whether the text begins with a block of mail headers: two known ones, or one if so named."""
    known = set()
    for line in text.lstrip("\r\n").splitlines()[:200]:
        if not line.strip() or not _MAIL_FOLDED.match(line):
            break
        if match := _MAIL_HEADER.match(line):
            known.add(match[1].lower())
    if claimed:
        return bool(known)
    return bool(known & {"from", "received", "return-path", "message-id"}) and len(known) >= 3


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
