"""Pictures and old Office files by the real programs, and by programs that misbehave."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from corpus.errors import BrokenFile, NeedsLibreOffice, NeedsOcr, ParserTimeout
from corpus.kinds.recognition import detect_kind
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.sandbox.sandbox import ParserSandbox
from ingestion.programs.office import Office
from ingestion.programs.workspace import Workspace
from ingestion.reading import OcrOptions, Reader
from tests.installed import require_program
from tests.samples.kinds import SENTENCE, write_docx, write_pptx
from tests.samples.pictures import (
    page_picture,
    picture_bytes,
    picture_file,
    pictured_pdf,
    tiff_file,
)

WORDS = "The anchor weighs 90 kilograms."


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox(timeout_s=120, max_pages=1000) as running:
        yield running


@pytest.fixture
def read(sandbox: ParserSandbox, tmp_path: Path) -> Callable[..., ParsedDocument]:
    """Reads bytes under a name; the folder for programs must be empty afterwards."""

    def reading(
        data: bytes,
        name: str,
        *,
        languages: tuple[str, ...] = ("eng",),
        timeout_s: float = 60.0,
        search_path: str | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> ParsedDocument:
        path = tmp_path / "blob"
        path.write_bytes(data)
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        options = OcrOptions(languages, timeout_s, search_path)
        reader = Reader(sandbox, Office(timeout_s, search_path), Workspace(work), options)
        try:
            return reader.parse(path, detect_kind(path, name), on_progress=on_progress)
        finally:
            assert list(work.iterdir()) == []

    return reading


def only(folder: Path, **scripts: str) -> str:
    """A search path with these shell scripts on it and nothing else."""
    found = folder / "bin"
    found.mkdir()
    for name, script in scripts.items():
        (found / name).write_text(f"#!/bin/sh\n{script}\n")
        (found / name).chmod(0o755)
    return str(found)


@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "heic", "bmp", "gif", "webp"])
def test_each_kind_of_picture_gives_its_words(
    read: Callable[..., ParsedDocument], kind: str
) -> None:
    require_program("tesseract")
    document = read(picture_file(kind, [WORDS]), f"a.{kind}")
    [page] = document.pages
    assert page.text == WORDS
    assert page.by_ocr
    assert page.ocr_confidence is not None
    assert page.ocr_confidence > 0.5
    assert document.pages_needing_ocr == ()


def test_picture_pages_are_recognised_in_their_places_with_progress(
    read: Callable[..., ParsedDocument],
) -> None:
    require_program("tesseract")
    seen: list[tuple[int, int]] = []
    pdf = pictured_pdf([[WORDS], "A page of text.", [], ["The mast is 12 meters high."]])
    document = read(pdf, "a.pdf", on_progress=lambda done, total: seen.append((done, total)))
    texts = [page.text for page in document.pages]
    assert texts == [WORDS, "A page of text.", "", "The mast is 12 meters high."]
    assert document.pages_needing_ocr == ()
    assert [(one.code, one.pages) for one in document.warnings] == [("ocr_found_nothing", (3,))]
    assert seen == sorted(seen)
    assert seen[0] == (1, 4)
    assert seen[-1] == (4, 4)


def test_a_page_on_its_side_or_head_is_read(read: Callable[..., ParsedDocument]) -> None:
    require_program("tesseract")
    upright = page_picture([f"{WORDS} It is kept on deck {n}." for n in range(1, 20)])
    for degrees in (90, 180):
        data = picture_bytes(upright.rotate(degrees, expand=True), "png")
        text = read(data, "a.png").pages[0].text
        assert WORDS in text
        assert "kept on deck 7." in text


def test_a_tiff_of_several_pages_keeps_their_order(read: Callable[..., ParsedDocument]) -> None:
    require_program("tesseract")
    document = read(tiff_file([["First page."], ["Second page."]]), "a.tiff")
    assert [page.text for page in document.pages] == ["First page.", "Second page."]


def test_a_language_that_is_not_installed_is_left_out_and_named(
    read: Callable[..., ParsedDocument],
) -> None:
    require_program("tesseract")
    document = read(picture_file("png", [WORDS]), "a.png", languages=("eng", "tlh"))
    assert document.pages[0].text == WORDS
    [warning] = document.warnings
    assert (warning.code, "tlh" in warning.detail) == ("ocr_language_missing", True)
    with pytest.raises(NeedsOcr, match="tlh"):
        read(picture_file("png", [WORDS]), "a.png", languages=("tlh",))


def test_without_tesseract_the_pages_still_need_ocr(
    read: Callable[..., ParsedDocument], tmp_path: Path
) -> None:
    programs = only(tmp_path)
    assert read(picture_file("png", [WORDS]), "a.png", search_path=programs).pages_needing_ocr == (
        1,
    )


LISTING = 'if [ "$1" = --list-langs ]; then echo eng; exit; fi\n'


def test_a_tesseract_that_hangs_is_killed_and_its_pages_still_need_ocr(
    read: Callable[..., ParsedDocument], tmp_path: Path
) -> None:
    programs = only(tmp_path, tesseract=LISTING + "sleep 600")
    document = read(
        pictured_pdf(["A page of text.", [WORDS]]), "a.pdf", timeout_s=2, search_path=programs
    )
    assert document.pages_needing_ocr == (2,)
    assert document.pages[0].text == "A page of text."
    [warning] = document.warnings
    assert (warning.code, warning.pages) == ("ocr_failed", (2,))
    with pytest.raises(NeedsOcr, match="longer than 2 seconds"):
        read(picture_file("png", [WORDS]), "a.png", timeout_s=2, search_path=programs)


def test_a_tesseract_that_always_fails_is_not_asked_for_every_page(
    read: Callable[..., ParsedDocument], tmp_path: Path
) -> None:
    programs = only(tmp_path, tesseract=f"{LISTING}echo x >> {tmp_path}/asked; exit 1")
    with pytest.raises(NeedsOcr) as caught:
        read(pictured_pdf([[WORDS]] * 30), "a.pdf", search_path=programs)
    assert caught.value.pages == tuple(range(1, 31))
    assert len((tmp_path / "asked").read_text().split()) < 30


def test_a_caller_that_gives_up_ends_the_recognition(
    read: Callable[..., ParsedDocument], tmp_path: Path
) -> None:
    class GivingUpError(Exception):
        pass

    programs = only(tmp_path, tesseract=f"{LISTING}touch {tmp_path}/asked; sleep 600")

    def give_up(_done: int, _total: int) -> None:
        if (tmp_path / "asked").exists():
            raise GivingUpError

    with pytest.raises(GivingUpError):
        read(
            pictured_pdf([[WORDS]] * 3),
            "a.pdf",
            timeout_s=600,
            on_progress=give_up,
            search_path=programs,
        )


def test_a_picture_bomb_is_the_files_error(read: Callable[..., ParsedDocument]) -> None:
    with pytest.raises(BrokenFile, match="pixels"):
        read(picture_bytes(Image.new("1", (40_000, 40_000)), "png"), "a.png")


def old_office_file(folder: Path, source: Path, kind: str) -> bytes:
    subprocess.run(
        [
            "soffice",
            "--headless",
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            *("--convert-to", kind, "--outdir", str(folder), str(source)),
        ],
        check=True,
        capture_output=True,
    )
    return source.with_suffix(f".{kind}").read_bytes()


@pytest.mark.parametrize("kind", ["doc", "ppt", "odp"])
def test_an_old_office_file_gives_its_text(
    read: Callable[..., ParsedDocument], tmp_path: Path, kind: str
) -> None:
    require_program("soffice")
    new = write_docx(tmp_path / "a.docx") if kind == "doc" else write_pptx(tmp_path / "a.pptx")
    document = read(old_office_file(tmp_path, new, kind), f"a.{kind}")
    assert len(document.pages) == (1 if kind == "doc" else 2)
    assert SENTENCE in "\n".join(page.text for page in document.pages)


def test_an_office_file_that_is_damaged_is_broken(read: Callable[..., ParsedDocument]) -> None:
    require_program("soffice")
    with pytest.raises(BrokenFile):
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc")


def test_without_libreoffice_an_old_file_says_so(
    read: Callable[..., ParsedDocument], tmp_path: Path
) -> None:
    programs = only(tmp_path)
    with pytest.raises(NeedsLibreOffice) as caught:
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc", search_path=programs)
    assert "libreoffice-writer-nogui" in caught.value.hint


def test_a_libreoffice_that_hangs_is_killed(
    read: Callable[..., ParsedDocument], tmp_path: Path
) -> None:
    programs = only(tmp_path, soffice="sleep 600")
    with pytest.raises(ParserTimeout, match="LibreOffice"):
        read(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "a.doc",
            timeout_s=1,
            search_path=programs,
        )
