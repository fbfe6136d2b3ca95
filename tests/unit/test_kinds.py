import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import EmptyFile, UnknownFileKind
from corpus.kinds.containers import zip_kind_name
from corpus.kinds.encodings import looks_like_text, unicode_encoding
from corpus.kinds.known import KINDS, PICTURE_KINDS, kind_named
from corpus.kinds.pictures import picture_kind_name
from corpus.kinds.recognition import detect_kind
from corpus.kinds.texts import text_kind_name
from ingestion.parsing.parsers import MAIL_PARSERS, PARSERS
from tests.samples.kinds import (
    eml_bytes,
    write_docx,
    write_epub,
    write_pdf,
    write_pptx,
    write_xlsx,
    zip_bytes,
)
from tests.samples.pictures import picture_file


def kind_of(tmp_path: Path, data: bytes, filename: str) -> str:
    path = tmp_path / "blob"
    path.write_bytes(data)
    return detect_kind(path, filename).name


def test_content_decides_whatever_the_name_says(tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    write_pdf(blob, [["x"]])
    assert detect_kind(blob, "picture.png").name == "pdf"
    write_docx(blob)
    assert detect_kind(blob, "a.zip").name == "docx"
    write_pptx(blob)
    assert detect_kind(blob, "").name == "pptx"
    write_xlsx(blob, {"S": [[1]]})
    assert detect_kind(blob, "data").name == "xlsx"
    write_epub(blob, ["<p>x</p>"])
    assert detect_kind(blob, "book.bin").name == "epub"


@pytest.mark.parametrize(
    ("data", "filename", "kind"),
    [
        (b"leading junk\n%PDF-1.4 and so on", "a.bin", "pdf"),
        (b"{\\rtf1 hello}", "a.doc", "rtf"),
        (b"<!DOCTYPE html><html><body>x", "report.pdf", "html"),
        (b"<!-- saved --><html>x", "a", "html"),
        (b'<?xml version="1.0"?><note/>', "a", "xml"),
        (b'{"a": 1}', "a", "json"),
        (b"# Title\n\ntext", "a.md", "md"),
        (b"a,b\n1,2\n", "a.csv", "csv"),
        (b"a\tb\n1\t2\n", "a.tsv", "tsv"),
        (b"a\tb\n1\t2\n", "export.xls", "tsv"),
        (b"<html> in a program", "a.py", "code"),
        (b"just words", "a.txt", "txt"),
        (b"just words", "unnamed", "txt"),
        ("naïve".encode("cp1252"), "a.txt", "txt"),
        ("słowa".encode("utf-16"), "a.txt", "txt"),
        ("plain words".encode("utf-16-le"), "a.txt", "txt"),
        ("plain words".encode("utf-32-be"), "a.txt", "txt"),
        (eml_bytes(), "letter.eml", "eml"),
        (eml_bytes(), "letter", "eml"),
        (b"From: a letter, once received\n\nby hand", "story.txt", "txt"),
        (b"BM is how this sentence begins, and no picture", "story.txt", "txt"),
    ],
)
def test_text_is_told_apart_by_its_beginning_then_by_its_name(
    tmp_path: Path, data: bytes, filename: str, kind: str
) -> None:
    assert kind_of(tmp_path, data, filename) == kind


@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "heic", "bmp", "gif", "webp"])
def test_a_picture_is_known_by_its_first_bytes(tmp_path: Path, kind: str) -> None:
    assert kind_of(tmp_path, picture_file(kind, ["words"]), "unnamed") == kind


def test_opendocument_slides_are_known_by_their_type(tmp_path: Path) -> None:
    data = zip_bytes({"mimetype": b"application/vnd.oasis.opendocument.presentation"})
    assert kind_of(tmp_path, data, "unnamed") == "odp"


@given(st.binary(max_size=80))
def test_any_beginning_is_a_known_kind_of_picture_or_none(data: bytes) -> None:
    for head in (data, b"BM" + data, b"\0\0\0\x20ftyp" + data, b"RIFF" + data):
        assert picture_kind_name(head) in {None, *PICTURE_KINDS}


def test_a_damaged_container_is_of_the_kind_its_name_claims(tmp_path: Path) -> None:
    whole = write_docx(tmp_path / "whole").read_bytes()
    assert kind_of(tmp_path, whole[: len(whole) // 2], "half.docx") == "docx"
    assert kind_of(tmp_path, b"this is no pdf", "fake.pdf") == "pdf"
    with pytest.raises(UnknownFileKind):
        kind_of(tmp_path, whole[: len(whole) // 2], "half.zip")


@pytest.mark.parametrize(
    ("data", "filename", "said"),
    [
        (b"\x1f\x8b\x08 and so on", "photo.jpg", "photo.jpg is a gzip archive"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "film.heic", "film.heic is of no kind"),
        (zip_bytes({"a.txt": b"x"}), "files.zip", "files.zip is an archive"),
        (bytes(range(256)) * 4, "noise.bin", "noise.bin is of no kind"),
        (bytes(100), "zeros.txt", "zeros.txt is of no kind"),
    ],
)
def test_what_no_parser_reads_is_refused_by_name(
    tmp_path: Path, data: bytes, filename: str, said: str
) -> None:
    with pytest.raises(UnknownFileKind) as caught:
        kind_of(tmp_path, data, filename)
    assert said in caught.value.detail


def test_a_file_without_bytes_is_empty(tmp_path: Path) -> None:
    with pytest.raises(EmptyFile):
        kind_of(tmp_path, b"", "a.pdf")


def test_a_zip_with_an_oversized_directory_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    data = bytearray(zip_bytes({"word/document.xml": b"x"}))
    at = data.rfind(b"PK\x05\x06")
    data[at + 12 : at + 16] = (64 * 1024 * 1024).to_bytes(4, "little")
    path.write_bytes(data)
    assert zip_kind_name(path) == "damaged"


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
@given(garbage=st.binary(min_size=1, max_size=60), at=st.floats(0, 1))
def test_a_zip_with_any_bytes_altered_is_a_kind_or_refused(
    tmp_path_factory: pytest.TempPathFactory, method: int, garbage: bytes, at: float
) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("mimetype", "application/epub+zip" * 3)
        archive.writestr("META-INF/container.xml", "<container/>")
    data = bytearray(packed.getvalue())
    first = max(4, int(at * (len(data) - len(garbage))))
    data[first : first + len(garbage)] = garbage
    path = tmp_path_factory.getbasetemp() / f"altered-{method}"
    path.write_bytes(data)
    with suppress(UnknownFileKind):
        assert detect_kind(path, "a.epub") in KINDS


@pytest.mark.parametrize(
    ("offset", "value"),
    [(8, zipfile.ZIP_DEFLATED), (8, zipfile.ZIP_BZIP2), (8, zipfile.ZIP_LZMA), (8, 99), (6, 1)],
    ids=["deflate", "bzip2", "lzma", "unknown method", "encrypted"],
)
@pytest.mark.parametrize("content", [b"\xff" * 40, b"\x09\x04\x05\x00\x5d" + b"\xff" * 8, b"\x07"])
def test_a_zip_whose_mimetype_cannot_be_unpacked_is_damaged(
    tmp_path: Path, offset: int, value: int, content: bytes
) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("mimetype", content)
    data = bytearray(packed.getvalue())
    # The field stands in the member's own header and, two bytes on, in the directory.
    for at in (offset, data.find(b"PK\x01\x02") + offset + 2):
        data[at : at + 2] = value.to_bytes(2, "little")
    path = tmp_path / "blob"
    path.write_bytes(data)
    assert zip_kind_name(path) == "damaged"


def test_every_kind_has_its_parser() -> None:
    told_apart = {"pdf", *MAIL_PARSERS, *PICTURE_KINDS}
    assert {kind.name for kind in KINDS} == {*PARSERS, *told_apart}
    assert told_apart.isdisjoint(PARSERS)


def test_names_and_extensions_of_kinds_are_unique() -> None:
    names = [kind.name for kind in KINDS]
    extensions = [extension for kind in KINDS for extension in kind.extensions]
    assert len(set(names)) == len(names)
    assert len(set(extensions)) == len(extensions)
    assert all(kind_named(kind.name) is kind for kind in KINDS)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_what_is_valid_utf_8_is_found_to_be_so(text: str) -> None:
    data = text.encode()
    found = unicode_encoding(data, whole=True)
    if data.startswith((b"\xff", b"\xfe")):
        return
    assert found in {"utf-8", "utf-8-sig"}


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1))
def test_a_character_cut_off_at_the_end_of_the_head_is_still_text(text: str) -> None:
    data = (text + "é").encode()[:-1]
    assert looks_like_text(data, whole=False)


@given(st.binary(), st.sampled_from(["", ".md", ".eml", ".html", ".xls", ".xml", ".csv"]))
def test_any_beginning_has_a_known_text_kind(data: bytes, extension: str) -> None:
    assert kind_named(text_kind_name(data.decode("latin-1"), extension)) in KINDS


@given(st.binary(min_size=1, max_size=400), st.sampled_from(["PK\x03\x04", "\xd0\xcf\x11\xe0"]))
def test_any_bytes_are_a_kind_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, magic: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    for content in (data, magic.encode("latin-1") + data):
        path.write_bytes(content)
        try:
            assert detect_kind(path, "a.docx") in KINDS
        except UnknownFileKind:
            continue
