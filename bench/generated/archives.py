"""ZIP archives that no honest program writes: bombs, overlapping members, lies about sizes."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DEFLATED = 8
_PIECE_BYTES = 1 << 20
_MAX_STORED = 0xFFFF
_QUOTE_BYTES = 5


@dataclass(frozen=True, slots=True)
class Packed:
    """Deflated data, and what it says of itself: CRC-32 and unpacked size."""

    data: bytes
    crc: int
    size_bytes: int


def packed(data: bytes) -> Packed:
    """Honestly deflated."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return Packed(deflate.compress(data) + deflate.flush(), zlib.crc32(data), len(data))


def bomb(before: bytes, filler: bytes, unpacked_bytes: int, after: bytes) -> Packed:
    """`before`, then `filler` again and again for about `unpacked_bytes`, then `after`.

    The data of one piece is deflated once and repeated, so that making it costs next to nothing.
    """
    piece = filler * max(1, _PIECE_BYTES // len(filler))
    count = max(1, unpacked_bytes // len(piece))
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = deflate.compress(before) + deflate.flush(zlib.Z_FULL_FLUSH)
    middle = deflate.compress(piece) + deflate.flush(zlib.Z_FULL_FLUSH)
    end = deflate.compress(after) + deflate.flush()
    crc = zlib.crc32(before)
    for _ in range(count):
        crc = zlib.crc32(piece, crc)
    return Packed(
        start + middle * count + end,
        zlib.crc32(after, crc),
        len(before) + len(piece) * count + len(after),
    )


def archive(
    members: Sequence[tuple[str, Packed]], *, flags: int = 0, claimed_bytes: int | None = None
) -> bytes:
    """A ZIP of packed members; `claimed_bytes` is what each says it unpacks to, when it lies."""
    out = bytearray()
    directory = bytearray()
    for name, member in members:
        size = member.size_bytes if claimed_bytes is None else claimed_bytes
        directory += _central(name, member, size, len(out), flags)
        out += _local(name, member, size, flags) + member.data
    return _closed(out, directory, len(members))


def zip_of(members: Mapping[str, bytes]) -> bytes:
    """An honest ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as honest:
        for name, data in members.items():
            honest.writestr(name, data)
    return out.getvalue()


def overlapping(names: Sequence[str], kernel: Packed) -> bytes:
    """Every member holds the headers of all later ones, quoted, and then the same one kernel.

    A file of a few kilobytes in which each of the members unpacks to all of the kernel, without
    any recursion: D. Fifield, "A better zip bomb", USENIX WOOT 2019.
    """
    data = kernel.data
    members = [(names[-1], kernel)]
    for name in reversed(names[:-1]):
        inner_name, inner = members[0]
        header = _local(inner_name, inner, inner.size_bytes, 0)
        # A stored block of deflate's: no compression, the length, and its complement.
        quote = struct.pack("<BHH", 0, len(header), len(header) ^ _MAX_STORED)
        data = quote + header + data
        # The sum is wrong: readers find out at the very end, after they have unpacked it all.
        crc = zlib.crc32(header)
        members.insert(0, (name, Packed(data, crc, inner.size_bytes + len(header))))
    directory = bytearray()
    offset = 0
    for name, member in members:
        directory += _central(name, member, member.size_bytes, offset, 0)
        offset += len(_local(name, member, 0, 0)) + _QUOTE_BYTES
    first_name, first = members[0]
    body = _local(first_name, first, first.size_bytes, 0) + first.data
    return _closed(bytearray(body), directory, len(members))


def _local(name: str, member: Packed, size: int, flags: int) -> bytes:
    raw = name.encode()
    return (
        _LOCAL.pack(
            b"PK\x03\x04",
            20,
            flags,
            _DEFLATED,
            0,
            0,
            member.crc,
            len(member.data),
            size,
            len(raw),
            0,
        )
        + raw
    )


def _central(name: str, member: Packed, size: int, offset: int, flags: int) -> bytes:
    raw = name.encode()
    fields = (20, 20, flags, _DEFLATED, 0, 0, member.crc, len(member.data), size, len(raw))
    return _CENTRAL.pack(b"PK\x01\x02", *fields, 0, 0, 0, 0, 0, offset) + raw


def _closed(body: bytearray, directory: bytearray, count: int) -> bytes:
    count = min(count, _MAX_STORED)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)
