"""Outlook's `.msg`, by oxmsg, read as the same message in `.eml` would be."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

from olefile import OleFileIO  # type: ignore[import-untyped]
from oxmsg import Message
from oxmsg.attachment import Attachment
from oxmsg.storage import Storage

from corpus.errors import BrokenFile, EncryptedFile
from ingestion.parsing.elements import html_drafts
from ingestion.parsing.mail.attached import AttachedFiles
from ingestion.parsing.mail.eml import (
    ENCRYPTED_TYPES,
    HEADERS,
    MAX_FORWARDED_DEPTH,
    TOO_DEEP,
    header_draft,
    shown_content_ids,
)
from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.parsing.text.plain import paragraph_drafts
from ingestion.parsing.titles import plausible_title

# [MS-OXPROPS] PidTagDisplayTo, PidTagDisplayCc, PidTagAttachContentId, PidTagAttachFilename,
# PidTagDisplayName
_DISPLAY_TO = 0x0E04
_DISPLAY_CC = 0x0E03
_CONTENT_ID = 0x3712
_SHORT_FILENAME = 0x3704
_DISPLAY_NAME = 0x3001
# [MS-OXMSG] 2.2.2: a message within a message is a storage of this name.
_EMBEDDED_MESSAGE = "__substg1.0_3701000D"
_PROPERTIES = "__properties_version1.0"
# [MS-OXMSG] 2.4.1: the header of an embedded message's properties is 8 bytes shorter than that of
# the outermost one, the only one oxmsg knows.
_EMBEDDED_HEADER_BYTES = 24
_MISSING_HEADER_BYTES = 8

_DAMAGED = (ValueError, KeyError, OSError, AssertionError, struct.error)


def parse_msg(path: Path, scratch: Scratch | None = None) -> ParsedDocument:
    """A message as one page; its subject is the title. `EncryptedFile` for S/MIME and PGP.

    The files in it are written to `scratch`; without it they are only named.
    """
    try:
        with OleFileIO(str(path)) as file:
            storage = Storage.from_ole(file)
    except _DAMAGED as error:
        raise BrokenFile("This Outlook message is damaged: it cannot be opened.") from error
    size_bytes = path.stat().st_size
    attached = AttachedFiles(scratch, limit_bytes=size_bytes)
    return parse_message_storage(storage, attached)


def parse_message_storage(storage: Storage, attached: AttachedFiles) -> ParsedDocument:
    """The message in an opened file; its attachments are taken by `attached`."""
    try:
        subject = Message(storage).subject
    except _DAMAGED as error:
        raise BrokenFile("This Outlook message is damaged: it cannot be opened.") from error
    drafts = _message_drafts(storage, attached, depth=0)
    return assemble(
        [(1, drafts)],
        title=plausible_title(subject),
        warnings=attached.warnings,
        attachments=attached.taken,
    )


def _message_drafts(storage: Storage, attached: AttachedFiles, *, depth: int) -> list[BlockDraft]:
    message = Message(storage)
    headers = _headers(message)
    if "smime" in message.message_class.lower() or any(
        kind in headers.get("content-type", "") for kind in ENCRYPTED_TYPES
    ):
        raise EncryptedFile("This message is encrypted.")
    html = message.html_body
    drafts = [header_draft((name, headers.get(name.lower(), "")) for name in HEADERS)]
    drafts += html_drafts(html)[0] if html else paragraph_drafts(message.body or "")
    shown = shown_content_ids(html or "")
    for inner in storage.iter_attachment_storages():
        try:
            drafts += _attachment_drafts(inner, attached, shown, depth=depth)
        except _DAMAGED:
            attached.leave_out(None, "damaged")
    return drafts


def _headers(message: Message) -> dict[str, str]:
    """By name in lower case; what was never sent has none of its own."""
    headers = {name.lower(): value for name, value in message.message_headers.items()}
    headers.setdefault("from", message.sender or "")
    headers.setdefault("to", message.properties.str_prop_value(_DISPLAY_TO) or "")
    headers.setdefault("cc", message.properties.str_prop_value(_DISPLAY_CC) or "")
    headers.setdefault("subject", message.subject)
    headers.setdefault("date", message.sent_date.isoformat() if message.sent_date else "")
    return headers


def _attachment_drafts(
    storage: Storage, attached: AttachedFiles, shown: set[str], *, depth: int
) -> list[BlockDraft]:
    """What an attachment adds to the page: the words of a forwarded message, else nothing."""
    attachment = Attachment(storage)
    text_of = attachment.properties.str_prop_value
    name = attachment.file_name or text_of(_SHORT_FILENAME) or text_of(_DISPLAY_NAME)
    embedded = next((one for one in storage.storages if one.name == _EMBEDDED_MESSAGE), None)
    if embedded is not None:
        if depth < MAX_FORWARDED_DEPTH:
            return _message_drafts(_as_outermost(embedded), attached, depth=depth + 1)
        attached.leave_out(name, TOO_DEEP)
    elif attachment.file_bytes is None:
        attached.leave_out(name, "no file of its own")
    else:
        content_id = (text_of(_CONTENT_ID) or "").strip("<>")
        media_type = attachment.mime_type or ""
        attached.take(name, media_type, attachment.file_bytes, is_shown=content_id in shown)
    return []


def _as_outermost(message: Storage) -> Storage:
    header, padding = _EMBEDDED_HEADER_BYTES, bytes(_MISSING_HEADER_BYTES)
    return replace(
        message,
        streams=tuple(
            replace(stream, bytes_=stream.bytes_[:header] + padding + stream.bytes_[header:])
            if stream.name == _PROPERTIES
            else stream
            for stream in message.streams
        ),
    )
