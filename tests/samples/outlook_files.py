"""Outlook messages as oxmsg sees them once their container is opened."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from oxmsg.storage import Storage, Stream

SUBJECT = 0x0037
BODY = 0x1000
HTML = 0x1013
MESSAGE_CLASS = 0x001A
DISPLAY_TO = 0x0E04
LONG_FILENAME = 0x3707
MIME_TAG = 0x370E
CONTENT_ID = 0x3712

_STRING = 0x001F
_BINARY = 0x0102
_DATA = 0x3701
_OUTERMOST_HEADER_BYTES = 32
_EMBEDDED_HEADER_BYTES = 24
_PART_HEADER_BYTES = 8


def message(
    properties: Mapping[int, str | bytes],
    attachments: Sequence[Storage] = (),
    *,
    name: str = "",
) -> Storage:
    """A message; with a `name` one that lies within another."""
    named = [
        Storage(f"__attach_version1.0_#{number:08X}", one.streams, one.storages)
        for number, one in enumerate(attachments)
    ]
    header_bytes = _EMBEDDED_HEADER_BYTES if name else _OUTERMOST_HEADER_BYTES
    return Storage(name, _streams(properties, header_bytes), tuple(named))


def file(name: str, data: bytes, **more: str) -> Storage:
    """An attached file; more: `content_id`, `media_type`."""
    properties: dict[int, str | bytes] = {LONG_FILENAME: name, _DATA: data}
    for key, pid in (("content_id", CONTENT_ID), ("media_type", MIME_TAG)):
        if key in more:
            properties[pid] = more[key]
    return Storage("", _streams(properties, _PART_HEADER_BYTES), ())


def forwarded(
    properties: Mapping[int, str | bytes], attachments: Sequence[Storage] = ()
) -> Storage:
    """A message attached to another."""
    inner = message(properties, attachments, name="__substg1.0_3701000D")
    return Storage("", _streams({LONG_FILENAME: "forwarded"}, _PART_HEADER_BYTES), (inner,))


def damaged() -> Storage:
    """An attachment that lacks its properties."""
    return Storage("", (), ())


def _streams(properties: Mapping[int, str | bytes], header_bytes: int) -> tuple[Stream, ...]:
    table = bytes(header_bytes)
    streams = []
    for pid, value in properties.items():
        kind = _STRING if isinstance(value, str) else _BINARY
        data = value.encode("utf-16-le") if isinstance(value, str) else value
        table += struct.pack("<HHIII", kind, pid, 6, len(data), 0)
        streams.append(Stream(f"__substg1.0_{pid:04X}{kind:04X}", data))
    return (Stream("__properties_version1.0", table), *streams)
