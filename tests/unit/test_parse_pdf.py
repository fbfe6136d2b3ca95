from pathlib import Path

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from corpus.errors import BrokenFile, EncryptedFile
from ingestion.parsing.pdf.text_layer import parse_pdf
from ingestion.parsing.titles import plausible_title
from tests.samples.kinds import write_pdf


def test_pages_count_from_one_and_blocks_are_paragraphs(tmp_path: Path) -> None:
    path = write_pdf(
        tmp_path / "a.pdf",
        [["First line of it", "second line of it.", "", "", "Another one."], ["Page two."]],
        title="Annual Report",
    )
    document = parse_pdf(path, max_pages=10)
    assert [page.number for page in document.pages] == [1, 2]
    assert document.pages[0].text == "First line of it\nsecond line of it.\n\nAnother one."
    assert len(document.pages[0].blocks) == 2
    assert document.pages[1].text == "Page two."
    assert document.title == "Annual Report"


def test_cells_of_a_row_drawn_apart_stand_on_one_line(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    for row, (name, value) in enumerate((("Revenue", "1,200"), ("Costs", "800"))):
        canvas.drawString(72, 700 - 14 * row, name)
        canvas.drawString(300, 700 - 14 * row, value)
    canvas.save()
    [page] = parse_pdf(tmp_path / "a.pdf", max_pages=1).pages
    assert page.text.splitlines() == ["Revenue 1,200", "Costs 800"]


def test_only_the_first_pages_are_read_and_a_warning_says_so(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", [[f"page {n}"] for n in range(1, 6)])
    document = parse_pdf(path, max_pages=3)
    assert [page.text for page in document.pages] == ["page 1", "page 2", "page 3"]
    (warning,) = document.warnings
    assert warning.code == "pages_beyond_limit"
    assert warning.detail == "Only the first 3 of 5 pages were read."
    assert not document.all_pages_read


def test_a_picture_needs_ocr_and_a_blank_page_does_not(tmp_path: Path) -> None:
    from PIL import Image  # noqa: PLC0415 - for this test alone

    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "red")), 72, 600)
    canvas.showPage()
    canvas.showPage()
    canvas.drawString(72, 700, "words")
    canvas.save()
    document = parse_pdf(tmp_path / "a.pdf", max_pages=10)
    assert document.pages_needing_ocr == (1,)
    assert document.pages_with_text == 1
    assert len(document.pages) == 3


def test_progress_ends_at_the_number_of_pages(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", [["x"]] * 23)
    seen: list[tuple[int, int]] = []
    parse_pdf(path, max_pages=100, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(10, 23), (20, 23), (23, 23)]


def test_a_password_is_told_from_damage(tmp_path: Path) -> None:
    locked = write_pdf(tmp_path / "locked.pdf", [["secret"]], password="pass")  # noqa: S106
    with pytest.raises(EncryptedFile):
        parse_pdf(locked, max_pages=1)
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4\nnothing of the kind")
    with pytest.raises(BrokenFile):
        parse_pdf(broken, max_pages=1)


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Annual Report 2023", "Annual Report 2023"),
        ("10-K - 02/08/2023 - 3M Company", "10-K - 02/08/2023 - 3M Company"),
        ("0001018724-18-000005", None),
        ("Microsoft Word - draft", None),
        ("report_final.docx", None),
        ("untitled", None),
        ("x17", None),
        (None, None),
    ],
)
def test_junk_in_the_title_field_is_no_title(title: str | None, kept: str | None) -> None:
    assert plausible_title(title, single_word=False) == kept
