"""The real parser process on real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from corpus.errors import (
    BrokenFile,
    EncryptedFile,
    NeedsLibreOffice,
    ParserCrashed,
    ParserTimeout,
)
from corpus.kinds.known import kind_named
from corpus.kinds.recognition import detect_kind
from ingestion.parsing.pictures.grey import MAX_PGM_BYTES
from ingestion.parsing.sandbox.sandbox import ParserSandbox
from ingestion.parsing.sandbox.scratch import Scratch
from tests.samples.kinds import (
    SENTENCE,
    eml_bytes,
    write_docx,
    write_epub,
    write_pdf,
    write_pptx,
    write_xlsx,
    zip_bytes,
)
from tests.samples.pictures import picture_file, png_header

ROOT = Path(__file__).parents[2]
PDF = kind_named("pdf")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox(timeout_s=120, max_pages=1000) as running:
        yield running


@pytest.fixture(scope="module")
def long_pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [f"{SENTENCE} Line {number}." for number in range(50)]
    return write_pdf(tmp_path_factory.mktemp("long") / "blob", [lines] * 400)


def samples(folder: Path) -> Iterator[tuple[str, Path]]:
    """(the name it was uploaded under, its bytes under a name that says nothing)."""
    yield "a.docx", write_docx(folder / "1")
    yield "a.pptx", write_pptx(folder / "2")
    yield "a.xlsx", write_xlsx(folder / "3", {"S": [["Statement"], [SENTENCE]]})
    yield "a.epub", write_epub(folder / "4", [f"<p>{SENTENCE}</p>"])
    yield "a.pdf", write_pdf(folder / "5", [[SENTENCE]])
    texts = {
        "a.html": f"<html><body><h1>T</h1><p>{SENTENCE}</p></body></html>".encode(),
        "a.md": f"# T\n\n{SENTENCE}\n".encode(),
        "a.txt": SENTENCE.encode("utf-16"),
        "a.csv": f"n,statement\n1,{SENTENCE}\n".encode(),
        "a.tsv": f"n\tstatement\n1\t{SENTENCE}\n".encode(),
        "a.eml": eml_bytes(),
        "a.rtf": f"{{\\rtf1\\ansi {SENTENCE}\\par}}".encode(),
        "a.json": f'{{"statement": "{SENTENCE}"}}'.encode(),
        "a.xml": f"<?xml version='1.0'?><a>{SENTENCE}</a>".encode(),
        "a.py": f"# {SENTENCE}\n".encode(),
        "a.rst": f"T\n=\n\n{SENTENCE}\n".encode(),
    }
    for number, (name, data) in enumerate(texts.items(), start=6):
        path = folder / str(number)
        path.write_bytes(data)
        yield name, path


def test_each_kind_gives_its_text_once_and_one_process_reads_them_all(
    sandbox: ParserSandbox, tmp_path: Path
) -> None:
    pids = set()
    for name, path in samples(tmp_path):
        document = sandbox.parse(path, detect_kind(path, name))
        text = "\f".join(page.text for page in document.pages)
        assert text.count(SENTENCE) == 1, name
        for page in document.pages:
            for block in page.blocks:
                piece = text[block.start_char : block.end_char]
                assert piece, name
                assert piece == piece.strip(), name
        pids.add(sandbox.child_pid)
    assert len(pids) == 1


def test_structure_survives_the_way_through_the_process(
    sandbox: ParserSandbox, tmp_path: Path
) -> None:
    [page] = sandbox.parse(write_docx(tmp_path / "blob"), kind_named("docx")).pages
    kinds = [(block.kind, block.level) for block in page.blocks]
    assert kinds == [("heading", 1), ("text", 0), ("list", 0), ("table", 0)]
    assert page.text.endswith("Region | Sales\nEast | 12")
    assert (page.blocks[-1].header, page.blocks[-1].header_lines) == ("Region | Sales", 1)
    deck = sandbox.parse(write_pptx(tmp_path / "deck"), kind_named("pptx"))
    assert [page.number for page in deck.pages] == [1, 2]
    assert deck.pages[1].text == f"Results\n\n{SENTENCE}\n\nDo not forget the weather."


@pytest.mark.parametrize(
    ("kind", "data", "error"),
    [
        ("pdf", b"%PDF-1.4 and nothing", BrokenFile),
        ("docx", zip_bytes({"word/document.xml": b"<nonsense/>"}), BrokenFile),
        ("docx", zip_bytes({"word/document.xml": bytes(40 * 1024**2)}), BrokenFile),
        ("docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), EncryptedFile),
        ("xlsx", b"PK\x03\x04", BrokenFile),
        ("epub", zip_bytes({"mimetype": b"application/epub+zip"}), BrokenFile),
        ("msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), BrokenFile),
        ("doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), NeedsLibreOffice),
    ],
)
def test_an_unreadable_file_has_an_error_of_one_sentence_and_a_hint(
    sandbox: ParserSandbox, tmp_path: Path, kind: str, data: bytes, error: type[BrokenFile]
) -> None:
    path = tmp_path / "blob"
    path.write_bytes(data)
    with pytest.raises(error) as caught:
        sandbox.parse(path, kind_named(kind))
    assert caught.value.detail.endswith(".")
    assert "\n" not in caught.value.detail
    assert caught.value.hint


def test_a_password_comes_back_as_its_own_error(sandbox: ParserSandbox, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "blob", [["secret"]], password="pass")  # noqa: S106
    with pytest.raises(EncryptedFile):
        sandbox.parse(path, PDF)


def test_progress_is_reported_while_a_file_is_read(sandbox: ParserSandbox, long_pdf: Path) -> None:
    seen: list[tuple[int, int]] = []
    sandbox.parse(long_pdf, PDF, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (400, 400)
    assert len(seen) > 10


def test_a_page_is_drawn_into_the_folder_that_the_parent_names(
    sandbox: ParserSandbox, tmp_path: Path
) -> None:
    path = write_pdf(tmp_path / "blob", [[SENTENCE], [SENTENCE]])
    scratch = Scratch(tmp_path, MAX_PGM_BYTES)
    drawn = sandbox.draw_page(path, PDF, 2, scratch=scratch, timeout_s=60)
    assert drawn == tmp_path / "page-2.pgm"
    with Image.open(drawn) as picture:
        assert picture.mode == "L"
        assert min(picture.size) > 2000
        assert picture.getextrema() == (0, 255)
    with pytest.raises(BrokenFile):
        sandbox.draw_page(path, PDF, 3, scratch=scratch, timeout_s=60)


def test_a_page_ten_meters_wide_is_drawn_small_enough(
    sandbox: ParserSandbox, tmp_path: Path
) -> None:
    canvas = Canvas(str(tmp_path / "blob"), pagesize=(28_000, 28_000))
    canvas.drawString(72, 72, "far away")
    canvas.save()
    scratch = Scratch(tmp_path, MAX_PGM_BYTES)
    drawn = sandbox.draw_page(tmp_path / "blob", PDF, 1, scratch=scratch, timeout_s=60)
    assert drawn.stat().st_size <= MAX_PGM_BYTES


def test_what_does_not_fit_into_the_folder_is_an_error(
    sandbox: ParserSandbox, tmp_path: Path
) -> None:
    path = write_pdf(tmp_path / "blob", [[SENTENCE]])
    with pytest.raises(BrokenFile, match="unpacked"):
        sandbox.draw_page(path, PDF, 1, scratch=Scratch(tmp_path, 1000), timeout_s=60)
    assert [found.name for found in tmp_path.iterdir()] == ["blob"]


def test_a_picture_is_a_page_that_needs_ocr_and_one_too_large_is_refused(
    sandbox: ParserSandbox, tmp_path: Path
) -> None:
    path = tmp_path / "blob"
    path.write_bytes(picture_file("png", ["words"]))
    assert sandbox.parse(path, kind_named("png")).pages_needing_ocr == (1,)
    path.write_bytes(png_header(60_000, 60_000))
    with pytest.raises(BrokenFile, match="60000 x 60000 pixels"):
        sandbox.parse(path, kind_named("png"))
    path.write_bytes(png_header(600, 600))
    with pytest.raises(BrokenFile, match="decoded"):
        sandbox.draw_page(
            path, kind_named("png"), 1, scratch=Scratch(tmp_path, MAX_PGM_BYTES), timeout_s=60
        )


def test_a_file_that_takes_too_long_is_given_up_and_the_next_one_is_read(
    long_pdf: Path, tmp_path: Path
) -> None:
    with ParserSandbox(timeout_s=0.01, max_pages=1000) as hasty:
        with pytest.raises(ParserTimeout):
            hasty.parse(long_pdf, PDF)
        assert hasty.child_pid is None
        with pytest.raises(ParserTimeout):
            hasty.parse(long_pdf, PDF)


def test_a_killed_parser_costs_only_its_file(long_pdf: Path, tmp_path: Path) -> None:
    with ParserSandbox(timeout_s=120, max_pages=1000) as sandbox:

        def kill(_done: int, _total: int) -> None:
            assert sandbox.child_pid is not None
            os.kill(sandbox.child_pid, signal.SIGKILL)

        with pytest.raises(ParserCrashed):
            sandbox.parse(long_pdf, PDF, on_progress=kill)
        document = sandbox.parse(write_pdf(tmp_path / "blob", [[SENTENCE]]), PDF)
        assert document.pages[0].text == SENTENCE


def test_a_parser_killed_between_files_is_not_noticed(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "blob", [[SENTENCE]])
    with ParserSandbox(timeout_s=120, max_pages=10) as sandbox:
        sandbox.parse(path, PDF)
        assert sandbox.child_pid is not None
        os.kill(sandbox.child_pid, signal.SIGKILL)
        os.waitid(os.P_PID, sandbox.child_pid, os.WEXITED | os.WNOWAIT)
        assert sandbox.parse(path, PDF).pages[0].text == SENTENCE


def test_a_caller_that_gives_up_leaves_a_sandbox_that_works(long_pdf: Path, tmp_path: Path) -> None:
    class GivingUpError(Exception):
        pass

    def give_up(_done: int, _total: int) -> None:
        raise GivingUpError

    with ParserSandbox(timeout_s=120, max_pages=1000) as sandbox:
        with pytest.raises(GivingUpError):
            sandbox.parse(long_pdf, PDF, on_progress=give_up)
        document = sandbox.parse(write_pdf(tmp_path / "blob", [[SENTENCE]]), PDF)
        assert len(document.pages) == 1


def test_more_text_than_a_document_may_hold_is_refused(long_pdf: Path) -> None:
    with (
        ParserSandbox(timeout_s=120, max_pages=1000, limit_chars=10_000) as sandbox,
        pytest.raises(BrokenFile, match="characters"),
    ):
        sandbox.parse(long_pdf, PDF)


@linux_only
def test_a_file_that_takes_too_much_memory_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"some words in a line\n" * 6_000_000)
    with (
        ParserSandbox(timeout_s=120, max_pages=10, memory_limit_bytes=256 * 1024**2) as sandbox,
        pytest.raises(ParserCrashed),
    ):
        sandbox.parse(path, kind_named("txt"))


@linux_only
def test_the_parser_inherits_no_secrets(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from corpus.kinds.known import kind_named\n"
        "from ingestion.parsing.sandbox.sandbox import ParserSandbox\n"
        "with ParserSandbox(timeout_s=60, max_pages=1) as sandbox:\n"
        "    sandbox.parse(pathlib.Path(sys.argv[1]), kind_named('txt'))\n"
        "    print(pathlib.Path(f'/proc/{sandbox.child_pid}/environ').read_text())\n"
    )
    path = tmp_path / "blob"
    path.write_text("words")
    shown = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={"PATH": os.environ["PATH"], "LECTERN_LLM_API_KEY": "sk-secret", "HOME": "/home/x"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "PATH=" in shown
    assert "sk-secret" not in shown
    assert "HOME=" not in shown


@linux_only
def test_the_parser_does_not_outlive_whoever_started_it(long_pdf: Path) -> None:
    script = (
        "import sys, pathlib, time\n"
        "from corpus.kinds.known import kind_named\n"
        "from ingestion.parsing.sandbox.sandbox import ParserSandbox\n"
        "sandbox = ParserSandbox(timeout_s=60, max_pages=1000)\n"
        "def hold(done, total):\n"
        "    print(sandbox.child_pid, flush=True)\n"
        "    time.sleep(600)\n"
        "sandbox.parse(pathlib.Path(sys.argv[1]), kind_named('pdf'), on_progress=hold)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(long_pdf)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = Path(f"/proc/{int(parent.stdout.readline())}/stat")
        parent.kill()
    for _ in range(300):
        try:
            if child.read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.1)
    pytest.fail("the parser process is still there 30 s after its parent was killed")


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
    ],
)
def test_a_confined_process_reaches_neither_the_network_nor_programs(attempt: str) -> None:
    confined = (
        "from ingestion.parsing.sandbox.confinement import confine\n"
        "confine(memory_limit_bytes=2**31)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{confined}\n{attempt}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "a parser may not do this" in done.stderr
