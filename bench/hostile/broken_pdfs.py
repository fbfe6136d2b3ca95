"""PDFs that a writer would have to want: loops, bombs, trees of a depth nobody climbs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from functools import partial

from bench.generated.pdf import pdf_of_objects, stream, text_pdf
from bench.hostile.cases import Case

_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
_TEXT = b"BT /F1 12 Tf 72 700 Td (Nothing is wrong on this page.) Tj ET"


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case("100000-pages-of-one-object.pdf", partial(_one_page_often, 100_000))
    yield Case("100000-pages.pdf", lambda: text_pdf([["x"]] * 100_000), heavy=True)
    yield Case("no-page.pdf", lambda: _pdf({2: b"<< /Type /Pages /Kids [] /Count 0 >>"}))
    yield Case("count-of-two-billion.pdf", lambda: _pdf({2: _pages(b"[3 0 R]", 2**31 - 1)}))
    yield Case("count-below-zero.pdf", lambda: _pdf({2: _pages(b"[3 0 R]", -5)}))
    yield Case("page-tree-in-itself.pdf", lambda: _pdf({2: _pages(b"[2 0 R 3 0 R]", 2)}))
    yield Case("page-trees-in-each-other.pdf", _cycle)
    yield Case("page-tree-10000-deep.pdf", partial(_deep_tree, 10_000))
    yield Case("page-is-its-own-parent.pdf", lambda: _pdf({3: _page(parent=3)}))
    yield Case("contents-in-itself.pdf", lambda: _pdf({4: b"[4 0 R 4 0 R]"}))
    yield Case("length-is-the-stream.pdf", lambda: _pdf({4: _length_loop()}))
    yield Case("form-that-draws-itself.pdf", _recursive_form)
    yield Case("forms-that-double.pdf", partial(_doubling_forms, 40), heavy=True)
    yield Case("object-stream-in-itself.pdf", _object_stream_loop)
    yield Case("cross-reference-loop.pdf", _prev_loop)
    yield Case("stream-bomb.pdf", lambda: _pdf({4: _bomb(1)}), heavy=True)
    yield Case("stream-bomb-in-bomb.pdf", lambda: _pdf({4: _bomb(2)}))
    yield Case("array-100000-deep.pdf", lambda: _pdf({4: stream(b"[" * 100_000)}))
    yield Case("dictionary-100000-deep.pdf", lambda: _pdf({5: b"<<" * 100_000}))
    yield Case("states-a-million.pdf", lambda: _pdf({4: stream(b"q " * 1_000_000 + _TEXT)}))
    yield Case("page-of-ten-kilometres.pdf", lambda: _pdf({3: _page(box=b"0 0 28346456 28346456")}))
    yield Case("page-without-size.pdf", lambda: _pdf({3: _page(box=b"0 0 0 0")}))
    yield Case("page-of-not-a-number.pdf", lambda: _pdf({3: _page(box=b"0 0 1e999 -1e999")}))
    yield Case("font-that-is-its-descendant.pdf", lambda: _pdf({5: _TYPE0_LOOP}))
    yield Case("outline-loop.pdf", _outline_loop)
    yield Case("million-glyphs.pdf", partial(_many_glyphs, 1_000_000), heavy=True)
    yield Case("glyphs-on-one-spot.pdf", lambda: _pdf({4: stream(_TEXT * 20_000)}), heavy=True)
    yield Case("picture-of-100000-pixels-square.pdf", _huge_picture)
    yield Case("only-a-header.pdf", lambda: b"%PDF-1.7")
    yield Case("header-and-noise.pdf", lambda: b"%PDF-1.7\n" + bytes(range(256)) * 4_000)
    yield Case("title-of-a-megabyte.pdf", lambda: _with_info(b"(" + b"A" * (1 << 20) + b")"))
    yield Case("script.pdf", lambda: _pdf({1: _SCRIPTED}))


_TYPE0_LOOP = (
    b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H "
    b"/DescendantFonts [5 0 R] /ToUnicode 5 0 R >>"
)
_SCRIPTED = (
    b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (while\\(1\\){}) >> "
    b"/AA << /WC << /S /Launch /F (/bin/sh) >> >> >>"
)


def _page(*, parent: int = 2, box: bytes = b"0 0 595 842", more: bytes = b"") -> bytes:
    return (
        b"<< /Type /Page /Parent %d 0 R /MediaBox [%b] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> %b >> >>" % (parent, box, more)
    )


def _pages(kids: bytes, count: int) -> bytes:
    return b"<< /Type /Pages /Kids %b /Count %d >>" % (kids, count)


def _pdf(changed: Mapping[int, bytes]) -> bytes:
    """A sound page whose objects (1 catalog, 2 pages, 3 page, 4 contents, 5 font) are changed."""
    sound = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: _pages(b"[3 0 R]", 1),
        3: _page(),
        4: stream(_TEXT),
        5: _FONT,
    }
    return pdf_of_objects({**sound, **changed})


def _one_page_often(count: int) -> bytes:
    return _pdf({2: _pages(b"[" + b"3 0 R " * count + b"]", count)})


def _cycle() -> bytes:
    return _pdf({2: _pages(b"[6 0 R]", 1), 6: _pages(b"[2 0 R 3 0 R]", 1)})


def _deep_tree(depth: int) -> bytes:
    trees = {10 + n: _pages(b"[%d 0 R]" % (11 + n), 1) for n in range(depth)}
    return _pdf({2: _pages(b"[10 0 R]", 1), **trees, 10 + depth: _page(parent=9 + depth)})


def _length_loop() -> bytes:
    return b"<< /Length 4 0 R >>\nstream\n" + _TEXT + b"\nendstream"


def _form(content: bytes, resources: bytes) -> bytes:
    entries = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << %b >>" % resources
    return stream(content, entries)


def _recursive_form() -> bytes:
    return _pdf(
        {
            3: _page(more=b"/XObject << /X 6 0 R >>"),
            4: stream(b"/X Do " + _TEXT),
            6: _form(b"/X Do", b"/XObject << /X 6 0 R >>"),
        }
    )


def _doubling_forms(depth: int) -> bytes:
    forms = {
        6 + n: _form(b"/X Do /X Do", b"/XObject << /X %d 0 R >>" % (7 + n)) for n in range(depth)
    }
    last = {6 + depth: _form(_TEXT, b"/Font << /F1 5 0 R >>")}
    page = _page(more=b"/XObject << /X 6 0 R >>")
    return _pdf({3: page, 4: stream(b"/X Do"), **forms, **last})


def _object_stream_loop() -> bytes:
    entries = b"/Type /ObjStm /N 1 /First 4 /Extends 6 0 R"
    return _pdf({6: stream(b"6 0 << /Length 6 0 R >>", entries), 3: b"6 0 R"})


def _prev_loop() -> bytes:
    sound = _pdf({})
    start = sound.rindex(b"startxref")
    offset = int(sound[start:].split()[1])
    return sound.replace(b"/Root 1 0 R >>", b"/Root 1 0 R /Prev %d >>" % offset)


def _bomb(rounds: int) -> bytes:
    data = b" " * (1 << 24)
    packed = zlib.compress(data * 8, 9)
    filters = b"/FlateDecode"
    for _ in range(rounds - 1):
        packed = zlib.compress(packed * 64, 9)
        filters += b" /FlateDecode"
    return stream(packed, b"/Filter [%b]" % filters)


def _outline_loop() -> bytes:
    return _pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R /Outlines 6 0 R >>",
            6: b"<< /Type /Outlines /First 7 0 R /Last 7 0 R /Count 1 >>",
            7: b"<< /Title (x) /Parent 6 0 R /Next 7 0 R /First 7 0 R >>",
        }
    )


def _many_glyphs(count: int) -> bytes:
    line = b"(" + b"word " * 200 + b") Tj 0 -1 Td "
    return _pdf({4: stream(b"BT /F1 1 Tf 10 800 Td " + line * (count // 1000) + b"ET")})


def _huge_picture() -> bytes:
    entries = (
        b"/Type /XObject /Subtype /Image /Width 100000 /Height 100000 /BitsPerComponent 8 "
        b"/ColorSpace /DeviceRGB /Filter /FlateDecode"
    )
    picture = stream(zlib.compress(bytes(1 << 20)), entries)
    page = _page(more=b"/XObject << /X 6 0 R >>")
    return _pdf({3: page, 4: stream(b"500 0 0 500 0 0 cm /X Do"), 6: picture})


def _with_info(title: bytes) -> bytes:
    sound = _pdf({6: b"<< /Title %b >>" % title})
    return sound.replace(b"/Root 1 0 R >>", b"/Root 1 0 R /Info 6 0 R >>")
