"""Where the pictures of a PDF page are, and how much of it they cover."""

from __future__ import annotations

from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

Box = tuple[float, float, float, float]

# Smaller pictures are logos; a scan is one large picture, or many strips.
_SCAN_SHARE = 0.1
# A picture over so much of a page with no more text than a stamp or a page number is the page.
_WHOLE_PAGE_SHARE = 0.5
STAMP_LETTERS = 200
# What is drawn behind thousands of other things is no page of its own.
_MOST_OBJECTS = 5000


@dataclass(frozen=True, slots=True)
class Pictures:
    """Boxes (left, bottom, right, top) in points, and the share of the page that they cover.

    The share is at most the sum of theirs: pictures over each other count twice.
    """

    boxes: tuple[Box, ...]
    share: float

    def are_behind(self, box: Box) -> bool:
        """Whether the middle of a box lies in a picture, of those that make up a scan."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return self.share >= _SCAN_SHARE and any(
            left <= x <= right and bottom <= y <= top for left, bottom, right, top in self.boxes
        )


def pictures_of(page: pypdfium2.PdfPage) -> Pictures:
    """The pictures among the first `_MOST_OBJECTS` things on the page."""
    left, bottom, right, top = page.get_bbox()
    boxes: list[Box] = []
    covered = 0.0
    for seen, item in enumerate(page.get_objects(max_depth=3)):
        if seen == _MOST_OBJECTS:
            break
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            box = item.get_bounds()
            boxes.append(box)
            width = min(box[2], right) - max(box[0], left)
            height = min(box[3], top) - max(box[1], bottom)
            covered += max(0.0, width) * max(0.0, height)
    area = (right - left) * (top - bottom)
    return Pictures(tuple(boxes), covered / area if area > 0 else 0.0)


def is_stamped_picture(page: pypdfium2.PdfPage, letters: int) -> bool:
    """Whether a page with so many letters of text is a picture with hardly more than a stamp."""
    return 0 < letters < STAMP_LETTERS and pictures_of(page).share >= _WHOLE_PAGE_SHARE
