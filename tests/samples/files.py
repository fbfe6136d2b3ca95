"""Small files that the tests make themselves."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from docx import Document as DocxDocument
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

LINE_HEIGHT = 16


def pdf(pages: Sequence[Sequence[str]], *, password: str | None = None) -> bytes:
    """A PDF with these lines on each page."""
    out = BytesIO()
    encryption = StandardEncryption(password) if password else None
    canvas = Canvas(out, pagesize=A4, encrypt=encryption, invariant=1)
    for lines in pages:
        for number, line in enumerate(lines):
            canvas.drawString(72, 760 - LINE_HEIGHT * number, line)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def scanned_pdf(page_count: int = 1) -> bytes:
    """A PDF whose pages are pictures without any text."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    picture = Image.effect_noise((200, 260), 60)
    for _ in range(page_count):
        canvas.drawImage(ImageReader(picture), 72, 200, 400, 520)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def half_scanned_pdf(lines: Sequence[str]) -> bytes:
    """A PDF with these lines on page 1 and a picture as page 2."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    for number, line in enumerate(lines):
        canvas.drawString(72, 760 - LINE_HEIGHT * number, line)
    canvas.showPage()
    canvas.drawImage(ImageReader(Image.effect_noise((200, 260), 60)), 72, 200, 400, 520)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def docx(title: str, paragraphs: Sequence[str]) -> bytes:
    """A Word document with a heading and paragraphs."""
    document = DocxDocument()
    document.add_heading(title, level=1)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def long_pdf(page_count: int, subject: str) -> bytes:
    """A PDF that takes a while: every page says something of its own about the subject."""
    return pdf(
        [
            [f"Chapter {page} of the {subject} report."]
            + [
                f"Item {line} on page {page}: the {subject} station number {page * 40 + line} "
                "reported normal values."
                for line in range(35)
            ]
            for page in range(1, page_count + 1)
        ]
    )
