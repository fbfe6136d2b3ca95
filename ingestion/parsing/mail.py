"""Mail: `.eml` by the standard library, Outlook's `.msg` by oxmsg.

Who wrote to whom, when and about what is asked as often as the message itself, so the headers are
its first block. Of several forms of the same message the HTML one is read; forwarded messages and
attached texts follow it, other attachments are named in a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email import message_from_bytes
from email.message import EmailMessage, Message
from pathlib import Path
from typing import cast

from oxmsg import Message as OutlookMessage

from corpus.encodings import unicode_encoding
from corpus.errors import BrokenFile, EncryptedFile
from corpus.reports import ReadingWarning
from ingestion.parsing.decoding import decode_text
from ingestion.parsing.elements import html_drafts
from ingestion.parsing.mail_policy import BoundedHeaders
from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.plain import paragraph_drafts
from ingestion.parsing.titles import plausible_title

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_ENCRYPTED_TYPES = frozenset({"multipart/encrypted", "application/pkcs7-mime"})
_MAX_DEPTH = 8


def parse_eml(path: Path) -> ParsedDocument:
    """A message as one page; its subject is the title. `EncryptedFile` for S/MIME and PGP."""
    data = path.read_bytes()
    encoding = unicode_encoding(data, whole=True)
    if encoding and encoding.startswith(("utf-16", "utf-32")):
        data = data.decode(encoding).encode()
    message = message_from_bytes(data, policy=BoundedHeaders())
    if any(part.get_content_type() in _ENCRYPTED_TYPES for part in message.walk()):
        raise EncryptedFile("This message is encrypted.")
    skipped: list[str] = []
    drafts = _message_drafts(message, skipped, depth=0)
    return assemble(
        [(1, drafts)],
        title=_subject_title(_header(message, "Subject")),
        warnings=_skipped_warning(skipped),
    )


def parse_msg(path: Path) -> ParsedDocument:
    """An Outlook message, read as the same message in `.eml` would be."""
    try:
        message = OutlookMessage.load(str(path))
    except (ValueError, KeyError, OSError, AssertionError) as error:
        raise BrokenFile("This Outlook message is damaged: it cannot be opened.") from error
    headers = {name.lower(): value for name, value in message.message_headers.items()}
    if "smime" in (message.message_class or "").lower() or any(
        kind in headers.get("content-type", "") for kind in _ENCRYPTED_TYPES
    ):
        raise EncryptedFile("This message is encrypted.")
    headers.setdefault("from", message.sender or "")
    headers.setdefault("subject", message.subject or "")
    headers.setdefault("date", message.sent_date.isoformat() if message.sent_date else "")
    html = message.html_body
    drafts = [_header_draft((name, headers.get(name.lower(), "")) for name in _HEADERS)]
    drafts += html_drafts(html)[0] if html else paragraph_drafts(message.body or "")
    skipped = [attachment.file_name or "unnamed" for attachment in message.attachments]
    return assemble(
        [(1, drafts)],
        title=_subject_title(message.subject or ""),
        warnings=_skipped_warning(skipped),
    )


def _message_drafts(message: Message, skipped: list[str], *, depth: int) -> list[BlockDraft]:
    drafts = [_header_draft((name, _header(message, name)) for name in _HEADERS)]
    for part in _leaves(message):
        if part.get_content_maintype() == "text":
            drafts += _part_drafts(part)
        elif part.get_content_type() == "message/rfc822" and depth < _MAX_DEPTH:
            for inner in cast("list[Message]", part.get_payload()):
                drafts += _message_drafts(inner, skipped, depth=depth + 1)
        elif part.get_filename():
            skipped.append(part.get_filename() or "")
    return drafts


def _leaves(message: Message) -> Iterator[EmailMessage]:
    """The message's parts that have no parts, in order, one of each set of alternatives.

    A forwarded message is one part.
    """
    if message.get_content_maintype() != "multipart":
        yield cast("EmailMessage", message)
        return
    payload = message.get_payload()
    # A broken multipart has a string for a payload.
    parts = cast("list[Message]", payload) if isinstance(payload, list) else []
    if message.get_content_type() == "multipart/alternative":
        parts = [part for part in parts if _holds(part, "text/html")] or parts
        parts = parts[:1]
    for part in parts:
        yield from _leaves(part)


def _holds(part: Message, content_type: str) -> bool:
    return any(inner.get_content_type() == content_type for inner in part.walk())


def _part_drafts(part: EmailMessage) -> list[BlockDraft]:
    payload = part.get_payload(decode=True)
    text = decode_text(cast("bytes", payload or b""), declared=part.get_content_charset())
    named = [BlockDraft(kind="heading", text=part.get_filename() or "", level=1)]
    drafts = (
        html_drafts(text)[0] if part.get_content_subtype() == "html" else paragraph_drafts(text)
    )
    return [*named, *drafts] if part.is_attachment() else drafts


def _header(message: Message, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, LookupError, AttributeError, TypeError):
        # The standard library's parser of structured headers fails on some malformed ones.
        return ""


def _header_draft(headers: Iterable[tuple[str, str]]) -> BlockDraft:
    lines = [f"{name}: {' '.join(value.split())}" for name, value in headers if value.strip()]
    return BlockDraft(kind="text", text="\n".join(lines))


def _subject_title(subject: str) -> str | None:
    return plausible_title(subject)


def _skipped_warning(names: list[str]) -> tuple[ReadingWarning, ...]:
    detail = f"Attachments that were not read: {', '.join(names)}."
    return (ReadingWarning("attachments_not_read", detail),) if names else ()
