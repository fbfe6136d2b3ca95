"""Scans, photographs and old Office files on a real server with the real programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.server import LecternServer
from tests.installed import require_program
from tests.samples import files
from tests.samples.pictures import picture_bytes, picture_file, pictured_pdf

WORDS = "The anchor weighs 90 kilograms."


@pytest.fixture(scope="module")
def reading_server(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    folder = make_data_dir()
    with LecternServer(folder) as running:
        yield running


def test_a_scanned_page_is_quoted_by_what_was_recognised_on_it(
    reading_server: LecternServer,
) -> None:
    require_program("tesseract")
    scan = pictured_pdf(["The harbour opened in 1870.", [WORDS], ["The mast is of pine."]])
    document = reading_server.add("scan.pdf", scan, collection="scan")
    assert document["status"] == "ready"
    assert document["coverage"] == {"pages_with_text": 3, "pages_needing_ocr": []}
    answer = reading_server.chat("What does the anchor weigh?", collection="scan")
    [citation] = [one for one in answer["citations"] if one["page"] == 2]
    assert "90 kilograms" in citation["quote"]
    page = reading_server.http.get(f"/documents/{document['id']}/pages/2").json()
    assert page["text"] == WORDS
    report = reading_server.http.get(f"/documents/{document['id']}/report").json()
    assert report["pages_by_ocr"] == 2
    assert list((reading_server.data_dir / "scratch").glob("*/*")) == []


def test_a_photograph_is_read(reading_server: LecternServer) -> None:
    require_program("tesseract")
    document = reading_server.add("photo.heic", picture_file("heic", [WORDS]), collection="photo")
    assert (document["status"], document["media_type"]) == ("ready", "image/heic")
    found = reading_server.search("anchor", collection="photo")
    assert WORDS in str(found)


def test_a_blank_picture_has_no_text_and_a_bomb_is_broken(reading_server: LecternServer) -> None:
    require_program("tesseract")
    blank = reading_server.add("blank.png", picture_file("png", []), collection="nothing")
    assert (blank["status"], blank["error"]["code"]) == ("failed", "no_text")
    bomb = picture_bytes(Image.new("1", (50_000, 50_000)), "png")
    broken = reading_server.add("bomb.png", bomb, collection="nothing")
    assert (broken["status"], broken["error"]["code"]) == ("failed", "broken_file")


def test_an_old_word_file_becomes_ready(reading_server: LecternServer, tmp_path: Path) -> None:
    require_program("soffice")
    (tmp_path / "a.docx").write_bytes(files.docx("Anchors", [WORDS]))
    subprocess.run(
        [
            "soffice",
            "--headless",
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            *("--convert-to", "doc", "--outdir", str(tmp_path), str(tmp_path / "a.docx")),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    content = (tmp_path / "a.doc").read_bytes()
    document = reading_server.add("a.doc", content, collection="old")
    assert (document["status"], document["media_type"]) == ("ready", "application/msword")
    answer = reading_server.chat("What does the anchor weigh?", collection="old")
    assert "90 kilograms" in answer["answer"]


def test_programs_that_hang_cost_only_their_file(
    make_data_dir: Callable[[], Path], tmp_path: Path
) -> None:
    listing = 'if [ "$1" = --list-langs ]; then echo eng; exit; fi'
    for name in ("tesseract", "soffice"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{listing}\nsleep 600\n")
        (tmp_path / name).chmod(0o755)
    settings = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LECTERN_OCR_PAGE_TIMEOUT_S": "2",
        "LECTERN_PARSE_TIMEOUT_S": "20",
    }
    with LecternServer(make_data_dir(), **settings) as server:
        picture = server.add("a.png", picture_file("png", [WORDS]))
        assert picture["error"]["code"] == "needs_ocr"
        assert "longer than 2 seconds" in picture["error"]["detail"]
        old = server.add("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
        assert old["error"]["code"] == "parser_timeout"
        assert "LibreOffice" in old["error"]["detail"]
        assert server.add("after.txt", b"The tide turns at noon.")["status"] == "ready"
