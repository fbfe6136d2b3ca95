"""One page of a document as a picture for OCR, written into the scratch folder."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
from PIL import Image

from corpus.errors import BrokenFile
from corpus.kinds.known import PICTURE_KINDS, FileKind
from ingestion.parsing.pdf.text_layer import open_pdf
from ingestion.parsing.pictures.files import picture_of_frame
from ingestion.parsing.pictures.grey import bounded_scale, pgm_bytes
from ingestion.parsing.sandbox.scratch import Scratch

# What Tesseract's models were trained on (its documentation, "Improving the quality").
PAGE_DPI = 300
_POINTS_PER_INCH = 72


def write_page_picture(
    path: Path, kind: FileKind, number: int, scratch: Scratch, name: str
) -> None:
    """Write page `number`, from 1, of a PDF or picture file as a PGM called `name`.

    8-bit grey, upright as far as the file says what is up, at most `MAX_PIXELS`. Raises
    `BrokenFile` when the page cannot be drawn, `KeyError` for a kind without pictures of pages.
    """
    if kind.name in PICTURE_KINDS:
        picture = picture_of_frame(path, kind.name, number)
    elif kind.name == "pdf":
        picture = _drawn_page(path, number)
    else:
        raise KeyError(kind.name)
    scratch.write(name, pgm_bytes(picture))


def _drawn_page(path: Path, number: int) -> Image.Image:
    with open_pdf(path) as pdf:
        try:
            page = pdf[number - 1]
            width, height = page.get_size()
            scale = bounded_scale(width, height, PAGE_DPI / _POINTS_PER_INCH)
            bitmap = page.render(scale=scale, grayscale=True)
            picture: Image.Image = bitmap.to_pil()
        except (pypdfium2.PdfiumError, IndexError) as error:
            raise BrokenFile(f"Page {number} cannot be drawn.") from error
    return picture.convert("L")
