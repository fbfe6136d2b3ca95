"""Messages between a parser process and the one that started it: length-prefixed JSON.

JSON and not pickle, because one end has read hostile files: whatever it sends is only data.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">Q")


class FrameError(Exception):
    """The stream does not hold a message: cut off, over the limit, or not a JSON object."""


def write_frame(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Send one message, at once. Raises `OSError` when the other end is gone."""
    body = json.dumps(message).encode()
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read_frame(stream: BinaryIO, *, limit_bytes: int) -> dict[str, Any] | None:
    """The next message, or None when the other end has closed. Raises `FrameError`."""
    prefix = stream.read(_LENGTH.size)
    if not prefix:
        return None
    if len(prefix) < _LENGTH.size:
        raise FrameError("cut off in the length")
    (length,) = _LENGTH.unpack(prefix)
    if length > limit_bytes:
        raise FrameError(f"{length} bytes, the limit is {limit_bytes}")
    body = stream.read(length)
    if len(body) < length:
        raise FrameError("cut off in the message")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError("not JSON") from error
    if not isinstance(message, dict):
        raise FrameError("not an object")
    return message
