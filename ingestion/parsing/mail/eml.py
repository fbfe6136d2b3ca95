"""Mail as `.eml`, by the standard library.

Who wrote to whom, when and about what is asked as often as the message itself, so the headers are
its first block. Of several forms of the same message the HTML one is read; forwarded messages
follow it. The files attached to all of them are taken out (ingestion/parsing/mail/attached.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from email.message import EmailMessage, Message
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from corpus.errors import EncryptedFile
from corpus.kinds.encodings import unicode_encoding
from ingestion.parsing.elements import html_drafts
from ingestion.parsing.mail.attached import AttachedFiles
from ingestion.parsing.mail.policy import BoundedHeaders
from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.parsing.text.decoding import decode_text
from ingestion.parsing.text.plain import paragraph_drafts
from ingestion.parsing.titles import plausible_title

HEADERS = ("From", "To", "Cc", "Date", "Subject")
ENCRYPTED_TYPES = frozenset({"multipart/encrypted", "application/pkcs7-mime"})
MAX_FORWARDED_DEPTH = 8
TOO_DEEP = f"messages are read {MAX_FORWARDED_DEPTH} deep within one another"

_CONTENT_ID = re.compile(r"""\bcid:([^"'\s<>)]+)""", re.IGNORECASE)


def parse_eml(path: Path, scratch: Scratch | None = None) -> ParsedDocument:
    """A message as one page; its subject is the title. `EncryptedFile` for S/MIME and PGP.

    The files in it are written to `scratch`; without it they are only named.
    """
    data = path.read_bytes()
    encoding = unicode_encoding(data, whole=True)
    if encoding and encoding.startswith(("utf-16", "utf-32")):
        data = data.decode(encoding).encode()
    message = message_from_bytes(data, policy=BoundedHeaders())
    if any(part.get_content_type() in ENCRYPTED_TYPES for part in message.walk()):
        raise EncryptedFile("This message is encrypted.")
    attached = AttachedFiles(scratch, limit_bytes=len(data))
    drafts = _message_drafts(message, attached, depth=0)
    return assemble(
        [(1, drafts)],
        title=plausible_title(_header(message, "Subject")),
        warnings=attached.warnings,
        attachments=attached.taken,
    )


def header_draft(headers: Iterable[tuple[str, str]]) -> BlockDraft:
    """The block of a message's headers, those that say anything."""
    lines = [f"{name}: {' '.join(value.split())}" for name, value in headers if value.strip()]
    return BlockDraft(kind="text", text="\n".join(lines))


def shown_content_ids(html: str) -> set[str]:
    """Content ids of the pictures that a message shows in its text."""
    return {unquote(found) for found in _CONTENT_ID.findall(html)}


def _message_drafts(message: Message, attached: AttachedFiles, *, depth: int) -> list[BlockDraft]:
    drafts = [header_draft((name, _header(message, name)) for name in HEADERS)]
    shown: set[str] = set()
    for part in _leaves(message):
        name = _filename(part)
        if _is_body(part, name):
            text = _text(part)
            if part.get_content_subtype() == "html":
                shown |= shown_content_ids(text)
                drafts += html_drafts(text)[0]
            else:
                drafts += paragraph_drafts(text)
        elif part.get_content_type() == "message/rfc822":
            if depth == MAX_FORWARDED_DEPTH:
                attached.leave_out(name or "forwarded message", TOO_DEEP)
                continue
            for inner in _forwarded(part):
                drafts += _message_drafts(inner, attached, depth=depth + 1)
        elif not part.is_multipart():
            attached.take(
                name,
                part.get_content_type(),
                cast("bytes", part.get_payload(decode=True) or b""),
                is_shown=_header(part, "Content-ID").strip("<> \t") in shown,
            )
        elif name is not None:
            attached.leave_out(name, "no file of its own")
    return drafts


def _leaves(message: Message) -> Iterator[EmailMessage]:
    """The message's parts that have no parts, in order, one of each set of alternatives.

    A forwarded message is one part, and a file attached among the alternatives is not one of them.
    """
    if message.get_content_maintype() != "multipart":
        yield cast("EmailMessage", message)
        return
    payload = message.get_payload()
    # A broken multipart has a string for a payload.
    parts = cast("list[EmailMessage]", payload) if isinstance(payload, list) else []
    if message.get_content_type() == "multipart/alternative":
        forms = [part for part in parts if not part.is_attachment()]
        rich = [part for part in forms if _holds(part, "text/html")] or forms
        parts = [part for part in parts if part in rich[:1] or part not in forms]
    for part in parts:
        yield from _leaves(part)


def _holds(part: Message, content_type: str) -> bool:
    return any(inner.get_content_type() == content_type for inner in part.walk())


def _is_body(part: EmailMessage, name: str | None) -> bool:
    """Whether a part is words of the message itself, and no file that was handed over with it."""
    if part.get_content_maintype() != "text":
        return False
    return name is None or (
        not part.is_attachment() and part.get_content_subtype() in {"plain", "html"}
    )


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    return decode_text(cast("bytes", payload or b""), declared=part.get_content_charset())


def _forwarded(part: EmailMessage) -> list[Message]:
    inner = cast("list[Message]", part.get_payload())
    encoding = _header(part, "Content-Transfer-Encoding").strip().lower()
    if encoding not in {"base64", "quoted-printable"} or len(inner) != 1:
        return inner
    # Not allowed, but done: the parser has taken the encoded message for the body of one.
    inner[0]["Content-Transfer-Encoding"] = encoding
    decoded = cast("bytes", inner[0].get_payload(decode=True) or b"")
    return [message_from_bytes(decoded, policy=BoundedHeaders())]


def _filename(part: Message) -> str | None:
    try:
        return part.get_filename()
    except (ValueError, IndexError, LookupError, AttributeError, TypeError):
        return None  # as with `_header`


def _header(message: Message, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, LookupError, AttributeError, TypeError):
        # The standard library's parser of structured headers fails on some malformed ones.
        return ""
