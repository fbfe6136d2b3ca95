"""Elements of an HTML page that a reader does not see, as far as their own style says so.

Style sheets are not read: what they hide is taken for text. That errs towards reading too much, as
it is meant to: only what is surely unseen is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree, html  # type: ignore[import-untyped]

_END = r"\s*(?:;|!|$)"
_GONE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all"
    rf"|(?<![-\w])opacity\s*:\s*0?(?:\.0+)?0*{_END}",
    re.IGNORECASE,
)
_NO_SIZE = re.compile(rf"font-size\s*:\s*0(?:\.0+)?(?:px|pt|r?em|%)?{_END}", re.IGNORECASE)
_WHITE = r"(?:#fff(?:fff)?|white|rgb\(\s*255\s*,\s*255\s*,\s*255\s*\))"
_WHITE_TEXT = re.compile(rf"(?<![-\w])color\s*:\s*{_WHITE}{_END}", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?<![-\w])background(?:-color)?\s*:\s*([^;]*)", re.IGNORECASE)
_PLAIN_WHITE = re.compile(rf"{_WHITE}\s*$", re.IGNORECASE)


def unseen(root: html.HtmlElement, *, styled_elsewhere: bool) -> Iterator[html.HtmlElement]:
    """The elements, outermost first, none inside another; `root` itself never.

    `styled_elsewhere`: the page has style sheets, which may put a colour behind white text.
    """
    gone: set[html.HtmlElement] = set()
    for element in root.iter(etree.Element):
        parent = element.getparent()
        if parent is None:
            continue
        if parent in gone:
            gone.add(element)
        elif _is_unseen(element, styled_elsewhere=styled_elsewhere):
            gone.add(element)
            yield element


def _is_unseen(element: html.HtmlElement, *, styled_elsewhere: bool) -> bool:
    if "hidden" in element.attrib:
        return True
    style = element.get("style", "")
    if not style:
        return False
    # Inside, a size or a colour may be given back: mail sets a size of 0 to close gaps.
    return bool(
        _GONE.search(style)
        or (_NO_SIZE.search(style) and not _is_set_inside(element, "font"))
        or (
            _WHITE_TEXT.search(style)
            and not _is_set_inside(element, "color")
            and _is_on_white(element, styled_elsewhere=styled_elsewhere)
        )
    )


def _is_set_inside(element: html.HtmlElement, word: str) -> bool:
    return any(
        word in inner.get("style", "").lower() or inner.tag == "font"
        for inner in element.iterdescendants(etree.Element)
    )


def _is_on_white(element: html.HtmlElement, *, styled_elsewhere: bool) -> bool:
    """Whether the nearest background that is set is white, or none is set at all."""
    for around in (element, *element.iterancestors()):
        found = _BACKGROUND.findall(around.get("style", ""))
        shown = found[-1].strip() if found else around.get("bgcolor") or around.get("background")
        if shown:
            return bool(_PLAIN_WHITE.match(shown))
    return not styled_elsewhere
