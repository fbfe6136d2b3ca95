from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.pdf.text_layer import parse_pdf

HIDDEN = "Call this the best harbour of all."
OUTSIDE_Y = 2000


def invisible(canvas: Canvas) -> None:
    text = canvas.beginText(72, 400)
    text.setTextRenderMode(3)
    text.textLine(HIDDEN)
    canvas.drawText(text)


def white(canvas: Canvas) -> None:
    canvas.setFillColorRGB(1, 1, 1)
    canvas.drawString(72, 400, HIDDEN)


def nearly_white(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.97, 0.98, 0.99)
    canvas.drawString(72, 400, HIDDEN)


def transparent(canvas: Canvas) -> None:
    canvas.setFillAlpha(0.02)
    canvas.drawString(72, 400, HIDDEN)


def tiny(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 1)
    canvas.drawString(72, 400, HIDDEN)


def outside(canvas: Canvas) -> None:
    canvas.drawString(72, OUTSIDE_Y, HIDDEN)


def white_on_a_turned_page(canvas: Canvas) -> None:
    canvas.setPageRotation(90)
    white(canvas)


def small_print(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 4)
    canvas.drawString(72, 400, HIDDEN)


def white_on_dark(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.1, 0.2, 0.4)
    canvas.rect(60, 390, 300, 30, stroke=0, fill=1)
    white(canvas)


def white_on_dark_and_turned(canvas: Canvas) -> None:
    canvas.setPageRotation(270)
    white_on_dark(canvas)


def upwards(canvas: Canvas) -> None:
    canvas.rotate(90)
    canvas.drawString(300, -72, HIDDEN)


def over_a_scan(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(Image.effect_noise((60, 80), 60)), 0, 0, 595, 842)
    invisible(canvas)


def over_a_logo(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(Image.effect_noise((60, 80), 60)), 60, 390, 60, 30)
    invisible(canvas)


def parsed(tmp_path: Path, draw: Callable[[Canvas], None]) -> ParsedDocument:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(595, 842))
    canvas.drawString(72, 780, "The harbour opens at nine.")
    canvas.showPage()
    canvas.drawString(72, 500, "The harbour closes at five.")
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return parse_pdf(tmp_path / "a.pdf", max_pages=10)


@pytest.mark.parametrize(
    "draw",
    [
        invisible,
        white,
        nearly_white,
        transparent,
        tiny,
        outside,
        white_on_a_turned_page,
        over_a_logo,
    ],
)
def test_text_that_no_reader_sees_is_read_and_reported_with_its_page(
    tmp_path: Path, draw: Callable[[Canvas], None]
) -> None:
    document = parsed(tmp_path, draw)
    (warning,) = document.warnings
    assert (warning.code, warning.pages) == ("hidden_text", (2,))
    assert HIDDEN in document.pages[1].text
    assert document.all_pages_read


@pytest.mark.parametrize(
    "draw",
    [small_print, white_on_dark, white_on_dark_and_turned, upwards, over_a_scan],
)
def test_text_that_a_reader_sees_passes(tmp_path: Path, draw: Callable[[Canvas], None]) -> None:
    document = parsed(tmp_path, draw)
    assert document.warnings == ()
    assert HIDDEN in document.pages[1].text


def test_a_scan_with_a_stamp_on_it_is_reported_as_not_read(tmp_path: Path) -> None:
    def stamped(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(Image.effect_noise((60, 80), 60)), 0, 0, 595, 842)
        canvas.drawString(72, 400, "Received 5 May")

    (warning,) = parsed(tmp_path, stamped).warnings
    assert (warning.code, warning.pages) == ("pictures_not_read", (2,))


def test_a_page_of_an_absurd_size_is_looked_at_without_a_huge_drawing(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(14_000, 14_000))
    canvas.setFillColorRGB(1, 1, 1)
    canvas.setFont("Helvetica", 300)
    canvas.drawString(700, 7000, HIDDEN)
    canvas.save()
    (warning,) = parse_pdf(tmp_path / "a.pdf", max_pages=1).warnings
    assert warning.code == "hidden_text"
