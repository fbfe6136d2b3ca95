"""An Office file made ready for `unstructured`, which by itself passes over some of its text.

python-docx, on which it stands, does not look into content controls, tracked insertions, fields,
smart tags and text boxes: whole cover pages and words in the middle of sentences are lost. They are
unwrapped here. And both it and python-pptx refuse files with macros, templates and slide shows for
their type alone; they get the plain type.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from lxml import etree  # type: ignore[import-untyped]

from ingestion.parsing.office.openxml import xml_root

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TYPES = "[Content_Types].xml"
_DOCUMENT = "word/document.xml"
_OPENXML = b"application/vnd.openxmlformats-officedocument."
_WORD_TYPE = re.compile(
    rb"application/vnd\.(?:ms-word\.document\.macroEnabled|ms-word\.template\.macroEnabledTemplate|"
    rb"openxmlformats-officedocument\.wordprocessingml\.template)\.main\+xml",
    re.IGNORECASE,
)
_SLIDES_TYPE = re.compile(
    rb"application/vnd\.(?:ms-powerpoint\.(?:presentation|slideshow|template)\.macroEnabled|"
    rb"openxmlformats-officedocument\.presentationml\.(?:slideshow|template))\.main\+xml",
    re.IGNORECASE,
)

_WRAPPERS = tuple(
    f"{_WORD}{tag}" for tag in ("ins", "moveTo", "smartTag", "fldSimple", "customXml")
)
_DELETED = tuple(f"{_WORD}{tag}" for tag in ("del", "moveFrom"))


def repack(path: Path) -> io.BytesIO:
    """A copy of the file in memory with its text unwrapped and its type plain.

    Raises `KeyError`, `zipfile.BadZipFile` or `etree.XMLSyntaxError` on a damaged file.
    """
    copy = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in dict.fromkeys(source.namelist()):
            data = source.read(name)
            if name == _DOCUMENT:
                data = unwrap_text(data)
            elif name == _TYPES:
                data = _WORD_TYPE.sub(_OPENXML + b"wordprocessingml.document.main+xml", data)
                data = _SLIDES_TYPE.sub(_OPENXML + b"presentationml.presentation.main+xml", data)
            target.writestr(name, data)
    copy.seek(0)
    return copy


def unwrap_text(document_xml: bytes) -> bytes:
    """`word/document.xml` with what is inside wrappers in their place, text boxes after their line.

    Tracked deletions are taken out.
    """
    root = xml_root(document_xml)
    # A text box is stored twice, the second time for programs older than 2010.
    for element in list(root.iter(_FALLBACK, *_DELETED)):
        _remove(element)
    for box in list(root.iter(f"{_WORD}txbxContent")):
        _move_after_paragraph(box)
    for control in list(root.iter(f"{_WORD}sdt")):
        content = control.find(f"{_WORD}sdtContent")
        _replace(control, [] if content is None else list(content))
    for wrapper in list(root.iter(*_WRAPPERS)):
        _replace(wrapper, list(wrapper))
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _move_after_paragraph(box: etree._Element) -> None:
    paragraph = next(box.iterancestors(f"{_WORD}p"), None)
    if paragraph is not None and paragraph.getparent() is not None:
        for block in reversed(list(box)):
            paragraph.addnext(block)


def _replace(element: etree._Element, children: list[etree._Element]) -> None:
    for child in children:
        element.addprevious(child)
    _remove(element)


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
