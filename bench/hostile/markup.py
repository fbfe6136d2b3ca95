"""XML and HTML that grows when it is read, or asks its reader to fetch something."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.generated.archives import archive, packed
from bench.hostile.cases import Case
from bench.hostile.office_parts import MAIN_PART, document_part, other_parts, sentence

# Found in every such file of this world: if it is in a parsed text, an entity was followed.
LEAKED = "root:x:0:0"

_LAUGHS = (
    b"<!DOCTYPE x ["
    b'<!ENTITY l0 "laugh ">'
    + b"".join(
        b'<!ENTITY l%d "%b">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 12)
    )
    + b"]>"
)
_QUADRATIC = b'<!DOCTYPE x [<!ENTITY q "' + b"q" * 100_000 + b'">]>'
_LOOP = b'<!DOCTYPE x [<!ENTITY a "&b;"><!ENTITY b "&a;">]>'
_FILE = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
_DEVICE = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///dev/zero">]>'
_NET = b'<!DOCTYPE x [<!ENTITY f SYSTEM "http://127.0.0.1:9/x">]>'
_DTD = b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'
_PARAMETER = (
    b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd">'
    b"<!ENTITY % q \"<!ENTITY f '%p;'>\">%q;]>"
)
_PROLOGS: dict[str, tuple[bytes, bytes]] = {
    "billion-laughs": (_LAUGHS, b"&l11;"),
    "quadratic-entity": (_QUADRATIC, b"&q;" * 10_000),
    "entity-loop": (_LOOP, b"&a;"),
    "entity-of-a-file": (_FILE, b"&f;"),
    "entity-of-a-device": (_DEVICE, b"&f;"),
    "entity-of-an-address": (_NET, b"&f;"),
    "dtd-of-an-address": (_DTD, b"words"),
    "parameter-entity": (_PARAMETER, b"&f;"),
}


def cases() -> Iterator[Case]:
    """Each trick as XML, as HTML with SVG in it, and in the main part of each container."""
    for trick, (prolog, use) in _PROLOGS.items():
        yield Case(f"{trick}.xml", partial(_xml, prolog, use))
        yield Case(f"{trick}-in-svg.html", partial(_html, prolog, use))
        for kind in MAIN_PART:
            yield Case(f"{trick}.{kind}", partial(_part, kind, prolog, use))
    yield Case("xinclude.xml", lambda: _xml(b"", _XINCLUDE))
    yield Case("ten-thousand-namespaces.xml", _namespaces)
    yield Case("million-attributes.html", partial(_attributes, 1_000_000), heavy=True)
    yield Case("attribute-of-20-mb.html", lambda: b'<p title="%b">x</p>' % (b"a" * (20 << 20)))
    yield Case("entities.html", lambda: b"<p>" + b"&amp;&#0;&#x110000;&notin;&#55296;" * 100_000)
    yield Case("charset-that-lies.html", lambda: b'<meta charset="utf-7">+ADw-script+AD4-' * 99)
    yield Case("base64-picture.html", lambda: b'<p>x<img src="data:%b">' % (b"A" * (20 << 20)))
    yield Case("frames.html", lambda: b'<frameset><frame src="file:///etc/passwd"></frameset>' * 99)
    yield Case("unclosed-comment.html", lambda: b"<p>words</p><!--" + b"x" * (5 << 20))
    yield Case("tables-of-one-cell.html", lambda: b"<table><tr><td>x</table>" * 20_000)
    yield Case("colspan.html", lambda: b'<table><tr><td colspan="999999999" rowspan="99999">x')
    yield Case("select-of-many.html", lambda: b"<select>" + b"<option>x" * 200_000, heavy=True)


_XINCLUDE = (
    b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'
)


def _xml(prolog: bytes, use: bytes) -> bytes:
    return b'<?xml version="1.0"?>' + prolog + b"<x>" + use + b"</x>"


def _html(prolog: bytes, use: bytes) -> bytes:
    return b"<html><body><p>words</p>" + prolog + b"<svg><text>" + use + b"</text></svg></body>"


def _part(kind: str, prolog: bytes, use: bytes) -> bytes:
    main = document_part(kind, sentence(kind, use), prolog)
    parts = [*other_parts(kind).items(), (MAIN_PART[kind], main)]
    return archive([(name, packed(data)) for name, data in parts])


def _namespaces() -> bytes:
    names = b"".join(b' xmlns:n%d="u:%d"' % (number, number) for number in range(10_000))
    return b"<x" + names + b">" + b"<y/>" * 10_000 + b"</x>"


def _attributes(count: int) -> bytes:
    return b"<p " + b" ".join(b"a%d=1" % number for number in range(count)) + b">words</p>"
