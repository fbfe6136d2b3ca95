"""Pictures as OCR wants them: 8-bit grey, bounded, in the plainest format there is (PGM)."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

# A page of DIN A2 at 300 dpi has 35 million pixels; Tesseract takes up to 20 bytes for each.
MAX_PIXELS = 40_000_000
# Leptonica, on which Tesseract stands, refuses sides from 32,768.
MAX_SIDE_PIXELS = 30_000
# With sides rounded up, and a header of at most 20 bytes.
MAX_PGM_BYTES = MAX_PIXELS + 2 * MAX_SIDE_PIXELS + 64

_WHITE = 255


def as_grey(image: Image.Image) -> Image.Image:
    """The picture in mode "L": transparency on white, deeper grey scaled to 8 bits."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _scaled(np.asarray(image, dtype=np.float32))
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        paper = Image.new("RGBA", opaque.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        image = Image.alpha_composite(paper, opaque)
    return image.convert("L")


def _scaled(values: np.ndarray) -> Image.Image:
    lowest, highest = float(values.min()), float(values.max())
    if not np.isfinite([lowest, highest]).all():
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
        lowest, highest = float(values.min()), float(values.max())
    span = max(highest - lowest, 1.0)
    return Image.fromarray(((values - lowest) * (_WHITE / span)).astype(np.uint8))


def bounded_scale(width: float, height: float, scale: float) -> float:
    """`scale`, or the largest smaller one at which both limits above hold."""
    pixels = max(width * height, 1e-9)
    of_area = math.sqrt(MAX_PIXELS / pixels)
    return min(scale, of_area, MAX_SIDE_PIXELS / max(width, height, 1e-9))


def pgm_bytes(image: Image.Image) -> bytes:
    """A picture in mode "L" as a binary PGM file."""
    return b"P5\n%d %d\n255\n" % image.size + image.tobytes()
