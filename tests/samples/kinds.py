"""Small files of many kinds, made on the spot by the libraries that write them."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import docx
import openpyxl  # type: ignore[import-untyped]
import pptx
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

SENTENCE = "The quarterly revenue of Acme rose to 42 million."


def write_pdf(path: Path, pages: list[list[str]], *, title: str = "", password: str = "") -> Path:
    """A PDF with these lines on each page, from the top, single-spaced; "" leaves a wider gap."""
    encrypt = StandardEncryption(password) if password else None
    canvas = Canvas(str(path), encrypt=encrypt)
    canvas.setTitle(title)
    for lines in pages:
        for index, line in enumerate(lines):
            canvas.drawString(72, 780 - 14 * index, line)
        canvas.showPage()
    canvas.save()
    return path


def write_docx(path: Path, *, text: str = SENTENCE) -> Path:
    """A heading, a paragraph, a list item and a 2 x 2 table."""
    document = docx.Document()
    document.add_heading("Results", 1)
    document.add_paragraph(text)
    document.add_paragraph("first point", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("Region", "Sales"), ("East", "12")), strict=True):
        for cell, value in zip(row.cells, cells, strict=True):
            cell.text = value
    document.save(str(path))
    return path


def write_pptx(path: Path, *, text: str = SENTENCE) -> Path:
    """Two slides; the second has a title, text and notes."""
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[5])
    first.shapes.title.text = "Welcome"
    second = deck.slides.add_slide(deck.slide_layouts[1])
    second.shapes.title.text = "Results"
    second.placeholders[1].text = text
    second.notes_slide.notes_text_frame.text = "Do not forget the weather."
    deck.save(str(path))
    return path


def write_xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    """A workbook with these rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def write_epub(path: Path, chapters: list[str]) -> Path:
    """A book titled "A Book of Tests"; chapters are XHTML bodies, in reading order."""
    names = [f"c{number}.xhtml" for number in range(len(chapters))]
    manifest = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(names)))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "OPS/book.opf",
            '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Book of Tests</dc:title>'
            f"</metadata><manifest>{manifest}</manifest><spine>{spine}</spine></package>",
        )
        for name, body in zip(names, chapters, strict=True):
            archive.writestr(f"OPS/{name}", f"<html><body>{body}</body></html>")
    return path


def eml_bytes(*, subject: str = "Results", text: str = SENTENCE, html: str = "") -> bytes:
    """A message; with `html` it has two forms."""
    message = EmailMessage()
    message["From"] = "ann@example.org"
    message["To"] = "bob@example.org"
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def zip_bytes(members: dict[str, bytes]) -> bytes:
    """A ZIP archive of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()
