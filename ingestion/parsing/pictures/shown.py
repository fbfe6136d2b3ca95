"""A page as people see it, with a passage of it marked: a PNG for the screen."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops, ImageDraw

from corpus.errors import BrokenFile
from corpus.kinds.known import PICTURE_KINDS, FileKind
from corpus.values import PagePicture
from ingestion.parsing.pdf.pictures import Box
from ingestion.parsing.pdf.spans import boxes_of_span
from ingestion.parsing.pdf.text_layer import open_pdf
from ingestion.parsing.pictures.files import frame_in_colour

# Sharp on a screen with two pixels a point, as wide as a reader makes a page.
_SCALE = 2.0
MAX_SHOWN_PIXELS = 3_000_000
_MARK = (255, 224, 112)
_PADDING_PX = 2
# A page of text and lines has few colours, and its PNG a third of the size with a palette.
_FEW_COLOURS = 700
_SAMPLE = (96, 96)


def shown_page(
    path: Path, kind: FileKind, number: int, *, text: str, start: int, end: int
) -> PagePicture:
    """Page `number`, from 1, of a PDF or picture file, with `text[start:end]` marked.

    `text` is the page's. Nothing is marked where the span is empty or the page's text layer does
    not have it. Raises `BrokenFile` when the page cannot be drawn, `KeyError` for another kind.
    """
    if kind.name in PICTURE_KINDS:
        return PagePicture(_png(_fitting(frame_in_colour(path, kind.name, number))), ())
    if kind.name != "pdf":
        raise KeyError(kind.name)
    with open_pdf(path) as pdf:
        try:
            page = pdf[number - 1]
            picture, boxes = _drawn(page, text, start, end)
        except (pypdfium2.PdfiumError, IndexError) as error:
            raise BrokenFile(f"Page {number} cannot be drawn.") from error
    width, height = picture.size
    shares = tuple((x0 / width, y0 / height, x1 / width, y1 / height) for x0, y0, x1, y1 in boxes)
    return PagePicture(_png(_marked(picture, boxes)), shares)


def _drawn(
    page: pypdfium2.PdfPage, text: str, start: int, end: int
) -> tuple[Image.Image, list[Box]]:
    """The page, and the boxes of the passage in its pixels."""
    width, height = page.get_size()
    scale = min(_SCALE, math.sqrt(MAX_SHOWN_PIXELS / max(width * height, 1.0)))
    bitmap = page.render(scale=scale)
    textpage = page.get_textpage()
    try:
        boxes = [_in_pixels(page, bitmap, box) for box in boxes_of_span(textpage, text, start, end)]
    finally:
        textpage.close()
    picture: Image.Image = bitmap.to_pil()
    return picture.convert("RGB"), boxes


def _in_pixels(page: pypdfium2.PdfPage, bitmap: pypdfium2.PdfBitmap, box: Box) -> Box:
    """(left, top, right, bottom) in the drawing, whichever way the page is turned."""
    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        column, row = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, bitmap.width, bitmap.height, 0, x, y, column, row)
        corners.append((column.value, row.value))
    (x0, y0), (x1, y1) = corners
    return (
        max(0, min(x0, x1) - _PADDING_PX),
        max(0, min(y0, y1) - _PADDING_PX),
        min(bitmap.width, max(x0, x1) + _PADDING_PX),
        min(bitmap.height, max(y0, y1) + _PADDING_PX),
    )


def _marked(picture: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    if not boxes:
        return picture
    marks = Image.new("RGB", picture.size, "white")
    draw = ImageDraw.Draw(marks)
    for box in boxes:
        draw.rectangle(box, fill=_MARK)
    return ImageChops.multiply(picture, marks)  # ink stays black


def _fitting(picture: Image.Image) -> Image.Image:
    share = math.sqrt(MAX_SHOWN_PIXELS / (picture.width * picture.height))
    if share >= 1:
        return picture
    size = (max(1, int(picture.width * share)), max(1, int(picture.height * share)))
    return picture.resize(size, Image.Resampling.BOX)


def _png(picture: Image.Image) -> bytes:
    if picture.resize(_SAMPLE, Image.Resampling.NEAREST).getcolors(_FEW_COLOURS):
        picture = picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    written = BytesIO()
    picture.save(written, "PNG", compress_level=6)
    return written.getvalue()
