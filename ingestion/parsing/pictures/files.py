"""Picture files: their frames as pages without text, and each frame as OCR wants it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageOps, UnidentifiedImageError

from corpus.errors import BrokenFile
from ingestion.parsing.notices import pages_beyond_limit
from ingestion.parsing.parsed import ParsedDocument, assemble
from ingestion.parsing.pictures.grey import as_grey, bounded_scale

# Pillow tries no other decoder than the one for what the content says it is.
_FORMATS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "png": ("PNG",),
        "jpg": ("JPEG", "MPO"),
        "tiff": ("TIFF",),
        "heic": ("HEIF",),
        "bmp": ("BMP",),
        "gif": ("GIF",),
        "webp": ("WEBP",),
    }
)
# The largest telephone cameras have 200 million pixels; decoded, that is 600 MB.
MAX_DECODED_PIXELS = 210_000_000
# Screenshots and thumbnails of pages have letters of 6 to 12 pixels, Tesseract wants 20 to 30: of
# the page pictures measured, one of 595 x 842 went from 342 words at confidence 73 to 485 at 96.
_WANTED_SIDE_PIXELS = 2400
_MAX_ENLARGEMENT = 3.0


def parse_picture(path: Path, kind_name: str, *, max_pages: int) -> ParsedDocument:
    """One page for each frame of a TIFF, one page for any other picture; none has text yet.

    Raises `BrokenFile` for what is no picture, and for one of more pixels than are decoded.
    """
    with _opened(path, kind_name) as image:
        frames = int(getattr(image, "n_frames", 1))
    pages = min(frames, max_pages) if kind_name == "tiff" else 1
    # The other pictures in a HEIC are the same one again: its depth, a thumbnail.
    left_out = frames > pages and kind_name != "heic"
    return assemble(
        ((number, []) for number in range(1, pages + 1)),
        pages_needing_ocr=tuple(range(1, pages + 1)),
        all_pages_read=not left_out,
        warnings=(pages_beyond_limit(pages, frames),) if left_out else (),
    )


def picture_of_frame(path: Path, kind_name: str, number: int) -> Image.Image:
    """Frame `number`, from 1, upright and in mode "L", enlarged when it is small.

    Raises `BrokenFile` as above, and when the frame is damaged.
    """
    with _opened(path, kind_name) as image:
        _seek(image, number - 1)
        if kind_name == "jpg":
            # Decodes at an eighth to a half of the size where that is still large enough.
            image.draft("L", (_WANTED_SIDE_PIXELS * 2, _WANTED_SIDE_PIXELS * 2))
        grey = as_grey(ImageOps.exif_transpose(image))
    enlargement = min(_MAX_ENLARGEMENT, max(1.0, _WANTED_SIDE_PIXELS / max(grey.size)))
    scale = bounded_scale(*grey.size, enlargement)
    if scale == 1.0:
        return grey
    size = (max(1, int(grey.width * scale)), max(1, int(grey.height * scale)))
    return grey.resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX)


def frame_in_colour(path: Path, kind_name: str, number: int) -> Image.Image:
    """Frame `number`, from 1, upright and in mode "RGB", transparency on white. Errors as above."""
    with _opened(path, kind_name) as image:
        _seek(image, number - 1)
        if kind_name == "jpg":
            image.draft("RGB", (_WANTED_SIDE_PIXELS, _WANTED_SIDE_PIXELS))
        upright = ImageOps.exif_transpose(image)
        if upright.mode in {"I", "F"} or upright.mode.startswith("I;16"):
            return as_grey(upright).convert("RGB")
        if not upright.has_transparency_data:
            return upright.convert("RGB")
        opaque = upright.convert("RGBA")
        paper = Image.new("RGBA", opaque.size, "white")
        return Image.alpha_composite(paper, opaque).convert("RGB")


@contextmanager
def _opened(path: Path, kind_name: str) -> Iterator[Image.Image]:
    if kind_name == "heic":
        from pillow_heif import register_heif_opener  # noqa: PLC0415 - for this kind alone

        register_heif_opener(thumbnails=False)
    # Ours is checked below, in words: a `DecompressionBombError` names a function of Pillow.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path, formats=_FORMATS[kind_name]) as image:
            _check_size(image)
            yield image
    except UnidentifiedImageError as error:
        raise BrokenFile("This picture is damaged: it cannot be opened.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BrokenFile("This picture is damaged: it cannot be decoded.") from error


def _seek(image: Image.Image, frame: int) -> None:
    if frame:
        image.seek(frame)
        _check_size(image)


def _check_size(image: Image.Image) -> None:
    pixels = image.width * image.height
    if pixels > MAX_DECODED_PIXELS:
        raise BrokenFile(
            f"This picture has {image.width} x {image.height} pixels, more than are decoded.",
            hint=f"Scale it down to {MAX_DECODED_PIXELS // 10**6} million pixels or fewer.",
        )
