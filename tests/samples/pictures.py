"""Pictures with words in them, and PDFs made of such pictures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO

import pillow_heif
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

_FORMATS = {"jpg": "JPEG", "heic": "HEIF"}
_FONT_PIXELS = 40


def page_picture(lines: Sequence[str], size: tuple[int, int] = (1240, 1754)) -> Image.Image:
    """A white page with these lines in black; without lines a blank one."""
    picture = Image.new("L", size, 255)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(_FONT_PIXELS)
    for number, line in enumerate(lines):
        draw.text((100, 120 + number * 60), line, font=font, fill=0)
    return picture


def picture_file(kind: str, lines: Sequence[str]) -> bytes:
    """A picture of these lines, in the format of this kind."""
    return picture_bytes(page_picture(lines), kind)


def picture_bytes(picture: Image.Image, kind: str, **options: object) -> bytes:
    """The picture in the format of this kind."""
    pillow_heif.register_heif_opener()
    out = BytesIO()
    picture.save(out, _FORMATS.get(kind, kind.upper()), **options)
    return out.getvalue()


def tiff_file(pages: Sequence[Sequence[str]]) -> bytes:
    """A TIFF with a picture for each page."""
    first, *others = [page_picture(lines) for lines in pages]
    return picture_bytes(first, "tiff", save_all=True, append_images=others)


def pictured_pdf(pages: Sequence[Sequence[str] | str]) -> bytes:
    """A PDF: a list of lines is a page that is a picture of them, a string is a page of text."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    for page in pages:
        if isinstance(page, str):
            canvas.drawString(72, 760, page)
        else:
            canvas.drawImage(ImageReader(page_picture(page)), 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of this size whose pixels are missing."""
    header = b"IHDR" + struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = struct.pack(">L", 13) + header + struct.pack(">L", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">L4s", 1000, b"IDAT")
