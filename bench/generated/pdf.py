"""A small PDF writer: numbered objects in, bytes out, right or (on purpose) wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_LINE_HEIGHT = 14
_TOP = 780


def pdf_of_objects(objects: Mapping[int, bytes], *, root: int = 1) -> bytes:
    """A file of these objects by number, with a right cross-reference table."""
    out = bytearray(_HEADER)
    offsets: dict[int, int] = {}
    for number, body in sorted(objects.items()):
        offsets[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    size = max(objects, default=0) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        known = number in offsets
        out += b"%010d %05d %c \n" % (offsets.get(number, 0), 0, b"n" if known else b"f")
    out += b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, root, start)
    return bytes(out)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """The body of a stream object."""
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), entries, content)


def text_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """A sound PDF with these lines (Latin-1) on each page."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * index) for index in range(len(pages)))
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, len(pages)),
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }
    for index, lines in enumerate(pages):
        shown = b"".join(
            b"BT /F1 11 Tf 60 %d Td (%b) Tj ET\n" % (_TOP - _LINE_HEIGHT * row, _escaped(line))
            for row, line in enumerate(lines)
        )
        objects[4 + 2 * index] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * index)
        )
        objects[5 + 2 * index] = stream(shown)
    return pdf_of_objects(objects)


def _escaped(line: str) -> bytes:
    raw = line.encode("latin-1", errors="replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
