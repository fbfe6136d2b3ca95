from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pypdfium2
import pytest
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

from corpus.kinds.known import kind_named
from ingestion.parsing.pdf.spans import boxes_of_span
from ingestion.parsing.pdf.text_layer import parse_pdf
from ingestion.parsing.pictures.shown import shown_page
from tests.samples import files


def under_boxes(path: Path, text: str, quote: str, *, after: str = "") -> list[str]:
    """What stands in each box of the quote, as PDFium finds it there."""
    with pypdfium2.PdfDocument(path) as pdf:
        textpage = pdf[0].get_textpage()
        start = text.index(quote, text.index(after))
        boxes = boxes_of_span(textpage, text, start, start + len(quote))
        return [textpage.get_text_bounded(*box).strip() for box in boxes]


def written(path: Path, lines: list[list[str]]) -> tuple[Path, str]:
    path.write_bytes(files.pdf(lines))
    return path, parse_pdf(path, max_pages=1).pages[0].text


def test_a_quote_over_several_lines_has_a_box_for_each(tmp_path: Path) -> None:
    path, text = written(
        tmp_path / "f", [["The boat weighs 90 tons and", "carries no more than", "six people."]]
    )
    quote = "90 tons and\ncarries no more than\nsix"
    assert under_boxes(path, text, quote) == ["90 tons and", "carries no more than", "six"]


def test_of_the_same_words_those_at_the_offsets_are_meant(tmp_path: Path) -> None:
    path, text = written(tmp_path / "f", [["The mast is high.", "The mast is old."]])
    second = text.index("The mast is old")
    with pypdfium2.PdfDocument(path) as pdf:
        textpage = pdf[0].get_textpage()
        [upper] = boxes_of_span(textpage, text, 0, len("The mast"))
        [lower] = boxes_of_span(textpage, text, second, second + len("The mast"))
    assert upper[1] > lower[3]


def test_hyphens_of_line_ends_and_ligatures_are_no_obstacle(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "f"), pagesize=A5)
    canvas.drawString(40, 500, "The first inspec\u00ad")
    canvas.drawString(40, 486, "tion was in May.")
    canvas.save()
    text = "The first inspection was in May."
    assert under_boxes(tmp_path / "f", text, "inspection was")[-1] == "tion was"


def test_letters_that_were_placed_one_by_one_are_one_box(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "f"), pagesize=A5)
    for place, letter in enumerate("Revenue"):
        canvas.drawString(40 + 8 * place, 500, letter)
    canvas.save()
    assert len(under_boxes(tmp_path / "f", "Revenue", "Revenue")) == 1


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 5), (3, 4)])
def test_a_span_without_letters_has_no_box(tmp_path: Path, start: int, end: int) -> None:
    path, text = written(tmp_path / "f", [["The mast is high."]])
    with pypdfium2.PdfDocument(path) as pdf:
        assert boxes_of_span(pdf[0].get_textpage(), text, start, end) == []


def test_words_that_the_page_does_not_have_have_no_box(tmp_path: Path) -> None:
    path, _ = written(tmp_path / "f", [["The mast is high."]])
    text = "What OCR read."
    assert under_boxes(path, text, "OCR read") == []


def test_a_turned_page_is_marked_where_it_is_seen(tmp_path: Path) -> None:
    path, text = written(tmp_path / "f", [["The mast is high."]])
    with pypdfium2.PdfDocument(path) as pdf:
        pdf[0].set_rotation(180)
        turned = BytesIO()
        pdf.save(turned)
    (tmp_path / "turned").write_bytes(turned.getvalue())
    upright = shown_page(path, kind_named("pdf"), 1, text=text, start=0, end=len(text))
    shown = shown_page(tmp_path / "turned", kind_named("pdf"), 1, text=text, start=0, end=len(text))
    [(left, top, right, bottom)] = upright.boxes
    expected = (1 - right, 1 - bottom, 1 - left, 1 - top)
    assert shown.boxes[0] == pytest.approx(expected, abs=0.01)
