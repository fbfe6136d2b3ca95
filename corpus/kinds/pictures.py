"""Pictures, told by their first bytes."""

from __future__ import annotations

import struct

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    # BigTIFF
    (b"II+\0\x08\0\0\0", "tiff"),
    (b"MM\0+\0\x08\0\0", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)
# ISO/IEC 23008-12, annex B: what HEVC pictures and sequences call themselves.
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
# A brand box lists a handful; no more of it is looked at.
_MAX_BRAND_BOX_BYTES = 256
# The sizes of a bitmap's second header, of which there are as many as there were systems.
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_BMP = struct.Struct("<2sLLLL")


def picture_kind_name(head: bytes) -> str | None:
    """The kind of picture that begins with `head`, or None."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return "heic" if _brands(head) & _HEIC_BRANDS else None
    return "bmp" if _is_bmp(head) else None


def _brands(head: bytes) -> set[bytes]:
    size = min(int.from_bytes(head[:4], "big"), _MAX_BRAND_BOX_BYTES, len(head))
    # The major brand, its version, and the compatible ones.
    return {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}


def _is_bmp(head: bytes) -> bool:
    # Text may begin with "BM", but not with four zero bytes after four others.
    if not head.startswith(b"BM") or len(head) < _BMP.size:
        return False
    _, _, reserved, _, header_bytes = _BMP.unpack_from(head)
    return reserved == 0 and header_bytes in _BMP_HEADERS
