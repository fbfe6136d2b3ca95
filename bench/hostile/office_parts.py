"""The parts that make a ZIP an Office file, an OpenDocument text or a book."""

from __future__ import annotations

from collections.abc import Mapping

_XML = b'<?xml version="1.0" encoding="UTF-8"?>'
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_OPENXML = "application/vnd.openxmlformats-officedocument"
WORD = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHEET = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SLIDE = (
    b'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    b'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    b'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
ODT = (
    b'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    b'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    b'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
)

# Where the text is, by kind.
MAIN_PART = {
    "docx": "word/document.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
    "pptx": "ppt/slides/slide1.xml",
    "odt": "content.xml",
    "epub": "OPS/c1.xhtml",
}


def document_part(kind: str, content: bytes, prolog: bytes = b"") -> bytes:
    """The main part of this kind around `content`, which is of its own vocabulary."""
    before, after = around(kind)
    return _XML + prolog + before + content + after


def around(kind: str) -> tuple[bytes, bytes]:
    """What stands before and after the content of the main part."""
    match kind:
        case "docx":
            return b"<w:document %b><w:body>" % WORD, b"</w:body></w:document>"
        case "xlsx":
            return b"<worksheet %b><sheetData>" % SHEET, b"</sheetData></worksheet>"
        case "pptx":
            return (
                b"<p:sld %b><p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id='1' name=''/>"
                b"<p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>" % SLIDE,
                b"</p:spTree></p:cSld></p:sld>",
            )
        case "odt":
            return (
                b"<office:document-content %b><office:body><office:text>" % ODT,
                b"</office:text></office:body></office:document-content>",
            )
    return b'<html xmlns="http://www.w3.org/1999/xhtml"><body>', b"</body></html>"


def sentence(kind: str, text: bytes) -> bytes:
    """The text as content of the main part of this kind."""
    match kind:
        case "docx":
            return b"<w:p><w:r><w:t>%b</w:t></w:r></w:p>" % text
        case "xlsx":
            return b'<row><c t="inlineStr"><is><t>%b</t></is></c></row>' % text
        case "pptx":
            return (
                b"<p:sp><p:nvSpPr><p:cNvPr id='2' name='t'/><p:cNvSpPr/><p:nvPr/></p:nvSpPr>"
                b"<p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>%b</a:t></a:r></a:p></p:txBody>"
                b"</p:sp>" % text
            )
        case "odt":
            return b"<text:p>%b</text:p>" % text
    return b"<p>%b</p>" % text


def other_parts(kind: str) -> Mapping[str, bytes]:
    """All parts but the main one."""
    match kind:
        case "docx":
            return {
                **_package(f"{_OPENXML}.wordprocessingml.document.main+xml", "word/document.xml")
            }
        case "xlsx":
            return {
                **_package(f"{_OPENXML}.spreadsheetml.sheet.main+xml", "xl/workbook.xml"),
                "xl/workbook.xml": _XML
                + b'<workbook %b xmlns:r="%b"><sheets><sheet name="S" sheetId="1" r:id="r1"/>'
                b"</sheets></workbook>" % (SHEET, _OFFICE.encode()),
                "xl/_rels/workbook.xml.rels": _relation("worksheet", "worksheets/sheet1.xml"),
            }
        case "pptx":
            return {
                **_package(
                    f"{_OPENXML}.presentationml.presentation.main+xml", "ppt/presentation.xml"
                ),
                "ppt/presentation.xml": _XML
                + b'<p:presentation %b><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst>'
                b"</p:presentation>" % SLIDE,
                "ppt/_rels/presentation.xml.rels": _relation("slide", "slides/slide1.xml"),
            }
        case "odt":
            return {"mimetype": b"application/vnd.oasis.opendocument.text"}
    return {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": (
            b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            b'<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
        ),
        "OPS/book.opf": b'<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
        b'<item id="i" href="c1.xhtml" media-type="application/xhtml+xml"/></manifest>'
        b'<spine><itemref idref="i"/></spine></package>',
    }


def _package(main_type: str, main_part: str) -> Mapping[str, bytes]:
    overrides = {f"/{main_part}": main_type}
    if main_part == "xl/workbook.xml":
        overrides["/xl/worksheets/sheet1.xml"] = f"{_OPENXML}.spreadsheetml.worksheet+xml"
    if main_part == "ppt/presentation.xml":
        overrides["/ppt/slides/slide1.xml"] = f"{_OPENXML}.presentationml.slide+xml"
    types = "".join(
        f'<Override PartName="{part}" ContentType="{kind}"/>' for part, kind in overrides.items()
    )
    return {
        "[Content_Types].xml": _XML
        + f'<Types xmlns="{_TYPES}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{types}</Types>'.encode(),
        "_rels/.rels": _relation("officeDocument", main_part),
    }


def _relation(kind: str, target: str) -> bytes:
    return (
        _XML
        + (
            f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" '
            f'Type="{_OFFICE}/{kind}" Target="{target}"/></Relationships>'
        ).encode()
    )
