from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from corpus.errors import BrokenFile
from ingestion.parsing.notices import pages_beyond_limit
from ingestion.parsing.pictures.files import parse_picture, picture_of_frame
from ingestion.parsing.pictures.grey import (
    MAX_PIXELS,
    MAX_SIDE_PIXELS,
    as_grey,
    bounded_scale,
    pgm_bytes,
)
from tests.samples.pictures import page_picture, picture_bytes, picture_file, tiff_file

KINDS = ["png", "jpg", "tiff", "heic", "bmp", "gif", "webp"]


def stored(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_one_page_and_decodes_to_dark_on_light(tmp_path: Path, kind: str) -> None:
    path = stored(tmp_path, picture_file(kind, ["Some words"]))
    document = parse_picture(path, kind, max_pages=10)
    assert (len(document.pages), document.pages_needing_ocr) == (1, (1,))
    grey = picture_of_frame(path, kind, 1)
    assert grey.mode == "L"
    assert min(grey.tobytes()) < 40
    assert max(grey.tobytes()) > 220


def test_each_frame_of_a_tiff_is_a_page_up_to_the_limit(tmp_path: Path) -> None:
    path = stored(tmp_path, tiff_file([["one"], ["two"], ["three"]]))
    assert parse_picture(path, "tiff", max_pages=10).pages_needing_ocr == (1, 2, 3)
    cut = parse_picture(path, "tiff", max_pages=2)
    assert cut.pages_needing_ocr == (1, 2)
    assert cut.warnings == (pages_beyond_limit(2, 3),)
    assert picture_of_frame(path, "tiff", 3) != picture_of_frame(path, "tiff", 1)
    with pytest.raises(BrokenFile):
        picture_of_frame(path, "tiff", 4)


def test_of_a_moving_picture_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [page_picture([word]) for word in ("one", "two")]
    data = picture_bytes(frames[0], "gif", save_all=True, append_images=frames[1:])
    document = parse_picture(stored(tmp_path, data), "gif", max_pages=10)
    assert len(document.pages) == 1
    assert document.warnings == (pages_beyond_limit(1, 2),)


def test_a_photograph_stands_upright_as_its_camera_said(tmp_path: Path) -> None:
    upright = page_picture(["up"], (600, 300))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    data = picture_bytes(upright.rotate(90, expand=True), "jpg", exif=exif)
    grey = picture_of_frame(stored(tmp_path, data), "jpg", 1)
    assert grey.width == 2 * grey.height


def test_small_pictures_are_enlarged_and_large_ones_are_not(tmp_path: Path) -> None:
    small = stored(tmp_path, picture_bytes(page_picture(["x"], (400, 200)), "png"))
    assert picture_of_frame(small, "png", 1).size == (1200, 600)
    page = stored(tmp_path, picture_bytes(page_picture(["x"], (2500, 3500)), "png"))
    assert picture_of_frame(page, "png", 1).size == (2500, 3500)


def test_what_shines_through_is_white() -> None:
    ink = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    ink.putpixel((1, 0), (0, 0, 0, 255))
    assert as_grey(ink).tobytes() == bytes([255, 0])


def test_deep_grey_is_scaled_to_eight_bits() -> None:
    deep = Image.fromarray(np.array([[0, 30_000, 60_000]], dtype=np.uint16))
    assert as_grey(deep).tobytes() == bytes([0, 127, 255])
    broken = Image.fromarray(np.array([[np.nan, 0.0, np.inf]], dtype=np.float32))
    assert len(set(as_grey(broken).tobytes())) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_cut_off_is_broken(tmp_path: Path, kind: str) -> None:
    data = picture_file(kind, ["Some words"] * 20)
    path = stored(tmp_path, data[: len(data) // 2])
    # Some formats tell from the beginning alone, some only when all of it is decoded.
    with pytest.raises(BrokenFile):
        picture_of_frame(path, kind, 1)


def test_a_picture_of_more_pixels_than_are_decoded_is_refused(tmp_path: Path) -> None:
    bomb = stored(tmp_path, picture_bytes(Image.new("1", (20_000, 20_000)), "png"))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(BrokenFile, match="20000 x 20000 pixels"):
        parse_picture(bomb, "png", max_pages=1)


@given(width=st.floats(0, 1e9), height=st.floats(0, 1e9), scale=st.floats(0.001, 100))
def test_the_scale_keeps_every_page_within_bounds(
    width: float, height: float, scale: float
) -> None:
    found = bounded_scale(width, height, scale)
    assert 0 < found <= scale
    assert width * height * found**2 <= MAX_PIXELS * 1.001
    assert max(width, height) * found <= MAX_SIDE_PIXELS * 1.001


def test_pgm_is_what_other_programs_read() -> None:
    picture = page_picture(["words"], (300, 200))
    with Image.open(BytesIO(pgm_bytes(picture))) as read:
        assert (read.format, read.mode) == ("PPM", "L")
        assert read.tobytes() == picture.tobytes()
