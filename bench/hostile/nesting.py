"""Things within things, deeper than any reader climbs, and more of them than any reader counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.generated.archives import archive, packed
from bench.hostile.cases import Case
from bench.hostile.office_parts import MAIN_PART, document_part, other_parts, sentence

_DEEP = 100_000


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case("lists-100000-deep.json", lambda: b"[" * _DEEP + b"]" * _DEEP)
    yield Case("objects-100000-deep.json", lambda: b'{"a":' * _DEEP + b"1" + b"}" * _DEEP)
    yield Case("lists-100000-deep.ndjson", lambda: b'{"a":1}\n' + b"[" * _DEEP + b"]" * _DEEP)
    yield Case("number-of-a-megabyte.json", lambda: b'{"a":' + b"9" * (1 << 20) + b"}")
    yield Case("elements-100000-deep.xml", lambda: b"<a>" * _DEEP + b"x" + b"</a>" * _DEEP)
    for tag in ("div", "b", "ul><li", "table><tr><td", "blockquote", "font", "a href=x", "svg"):
        name = tag.partition(">")[0].partition(" ")[0]
        yield Case(f"{name}-100000-deep.html", partial(_tags, tag, _DEEP))
        yield Case(f"{name}-2000-deep.html", partial(_tags, tag, 2_000))
    yield Case("groups-100000-deep.rtf", lambda: b"{\\rtf1 " + b"{" * _DEEP + b"x" + b"}" * _DEEP)
    yield Case("groups-never-closed.rtf", lambda: b"{\\rtf1 x" + b"{\\b y" * _DEEP)
    yield Case("words-of-rtf.rtf", lambda: b"{\\rtf1 x" + b"\\u-1?\\'ff\\bin99999999 " * 50_000)
    yield Case("quotes-20000-deep.md", lambda: b"# x\n\n" + b">" * 20_000 + b" y\n", heavy=True)
    yield Case("lists-2000-deep.md", partial(_markdown_lists, 2_000), heavy=True)
    yield Case("brackets.md", lambda: b"# x\n\n" + b"[" * 50_000, heavy=True)
    yield Case("stars.md", lambda: b"# x\n\n" + b"*a _b " * 20_000, heavy=True)
    yield Case("backticks.md", lambda: b"# x\n\n" + b"`" * 50_000 + b" x\n", heavy=True)
    yield Case("links.md", lambda: b"# x\n\n" + b"[a](b" * 20_000, heavy=True)
    yield Case("table-of-10000-columns.md", lambda: b"|a" * 9_999 + b"\n" + b"|-" * 9_999 + b"\n")
    yield Case("multiparts-500-deep.eml", partial(_multiparts, 500))
    yield Case("mails-1000-deep.eml", partial(_mails, 1_000))
    yield Case("100000-parts.eml", partial(_parts, 100_000), heavy=True)
    yield Case("header-of-10-mb.eml", lambda: _head(b"Subject: " + b"x " * (5 << 20)) + b"words")
    yield Case("100000-headers.eml", lambda: _head(b"X-A: b\n" * _DEEP) + b"words", heavy=True)
    yield Case("encoded-words.eml", lambda: _head(b"Subject:" + b" =?utf-8?q?=41?=" * 20_000))
    yield Case("recipients.eml", lambda: _head(b"To: " + b'"a" <b@c>, ' * 50_000), heavy=True)
    yield Case("brackets-in-recipients.eml", lambda: _head(b"To: " + b"(" * 50_000), heavy=True)
    yield Case("unknown-charset.eml", lambda: _head(b"Content-Type: text/plain; charset=x-\xff"))
    yield Case("boundary-missing.eml", lambda: _head(b"Content-Type: multipart/mixed") + b"words")
    yield Case("base64-noise.eml", lambda: _head(b"Content-Transfer-Encoding: base64") + b"~!" * 9)
    yield Case("tables-200-deep.docx", partial(_office, "docx", _nested_tables(200)))
    yield Case("tables-20000-deep.docx", partial(_office, "docx", _nested_tables(20_000)))
    yield Case("controls-20000-deep.docx", partial(_office, "docx", _nested_controls(20_000)))
    yield Case("lists-20000-deep.odt", partial(_office, "odt", _nested_lists(20_000)))
    yield Case("spans-900-deep.odt", partial(_office, "odt", _nested_spans(900)))
    yield Case("spans-20000-deep.odt", partial(_office, "odt", _nested_spans(20_000)))
    yield Case("groups-5000-deep.pptx", partial(_office, "pptx", _nested_groups(5_000)))
    yield Case("cells-far-apart.xlsx", partial(_office, "xlsx", _far_cells()), heavy=True)
    yield Case("cell-beyond-the-sheet.xlsx", partial(_office, "xlsx", _cell_at(b"ZZZ99999999")))
    yield Case("row-below-zero.xlsx", partial(_office, "xlsx", b'<row r="-7"><c r="A-7"/></row>'))
    yield Case("shared-string-missing.xlsx", partial(_office, "xlsx", _SHARED))
    yield Case("formula-value.xlsx", partial(_office, "xlsx", _FORMULA))
    yield Case("date-out-of-range.xlsx", partial(_office, "xlsx", _DATE))


_SHARED = b'<row><c t="s"><v>999999999</v></c><c t="s"><v>-5</v></c><c t="s"><v>x</v></c></row>'
_FORMULA = b'<row><c><f>WEBSERVICE("http://127.0.0.1:9/")</f><v>1e999</v></c></row>'
_DATE = b'<row><c t="d"><v>99999-99-99</v></c><c><v>nan</v></c></row>'


def _tags(tag: str, depth: int) -> bytes:
    return b"<html><body>" + f"<{tag}>".encode() * depth + b"the end</body></html>"


def _markdown_lists(depth: int) -> bytes:
    return b"# x\n\n" + b"".join(b"%b- item\n" % (b"  " * level) for level in range(depth))


def _head(headers: bytes) -> bytes:
    return b"From: a@example.org\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n" + headers + b"\n\n"


def _multiparts(depth: int) -> bytes:
    head = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return _head(b"MIME-Version: 1.0\n" + b"".join(head % (n, n) for n in range(depth)))


def _mails(depth: int) -> bytes:
    return _head(b"MIME-Version: 1.0\n" + b"Content-Type: message/rfc822\n\nFrom: a\n" * depth)


def _parts(count: int) -> bytes:
    head = _head(b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b")
    return head + b"--b\nContent-Type: text/plain\n\nwords\n" * count + b"--b--\n"


def _office(kind: str, content: bytes) -> bytes:
    parts = [*other_parts(kind).items(), (MAIN_PART[kind], document_part(kind, content))]
    return archive([(name, packed(data)) for name, data in parts])


def _nested_tables(depth: int) -> bytes:
    opened, closed = b"<w:tbl><w:tr><w:tc>", b"<w:p/></w:tc></w:tr></w:tbl>"
    return opened * depth + sentence("docx", b"words") + closed * depth


def _nested_controls(depth: int) -> bytes:
    opened, closed = b"<w:sdt><w:sdtContent>", b"</w:sdtContent></w:sdt>"
    return opened * depth + sentence("docx", b"words") + closed * depth


def _nested_lists(depth: int) -> bytes:
    opened, closed = b"<text:list><text:list-item>", b"</text:list-item></text:list>"
    return opened * depth + sentence("odt", b"words") + closed * depth


def _nested_spans(depth: int) -> bytes:
    return sentence("odt", b"<text:span>" * depth + b"words" + b"</text:span>" * depth)


def _nested_groups(depth: int) -> bytes:
    opened = (
        b"<p:grpSp><p:nvGrpSpPr><p:cNvPr id='9' name=''/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr>"
        b"<p:grpSpPr/>"
    )
    return opened * depth + sentence("pptx", b"words") + b"</p:grpSp>" * depth


def _cell_at(place: bytes) -> bytes:
    return b'<row><c r="%b" t="inlineStr"><is><t>x</t></is></c></row>' % place


def _far_cells() -> bytes:
    far = b"".join(
        b'<row r="%d"><c r="XFD%d" t="inlineStr"><is><t>x</t></is></c></row>' % (row, row)
        for row in range(1, 1_048_577, 1_000)
    )
    return _cell_at(b"A1") + far
