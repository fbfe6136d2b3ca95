from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidRequest, LecternError, MalformedUpload, TooManyFiles
from corpus.originals.folder import FolderOriginals
from service.rest import form_parts
from service.rest.form_parts import FormParts, ReceivedFile

TYPE = "multipart/form-data; boundary=b"
MAX_FILE_BYTES = 1000


def part(disposition: str, content: bytes, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in (disposition, *headers))
    return b"--b\r\n" + lines.encode() + b"\r\n" + content + b"\r\n"


def field(name: str, content: bytes) -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"', content)


def file(filename: str, content: bytes, name: str = "file") -> bytes:
    said = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
    return part(said, content, "Content-Type: text/plain")


def pieces_of(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def taken_apart(
    folder: Path, body: bytes, *, content_type: str = TYPE, size: int = 7, max_files: int = 3
) -> list[tuple[str, str | bytes]]:
    """Names with the text of fields, the content of files, or the code of what refused them."""
    with FolderOriginals(folder).receive() as intake:
        form = FormParts(content_type, intake, max_files=max_files, max_file_bytes=MAX_FILE_BYTES)
        try:
            for piece in pieces_of(body, size):
                form.feed(piece)
            form.finish()
            return [
                (f"{name}/{item.filename}", outcome(item))
                if isinstance(item, ReceivedFile)
                else (name, str(item))
                for name, item in form.items
            ]
        finally:
            form.close()


def outcome(received: ReceivedFile) -> str | bytes:
    try:
        return received.staged.path.read_bytes()
    except LecternError as error:
        return error.code


def test_fields_count_before_and_after_the_files(tmp_path: Path) -> None:
    body = field("collection", b"a") + file("x.txt", b"X") + field("acl", b"[]") + b"--b--\r\n"
    assert taken_apart(tmp_path, body) == [("collection", "a"), ("file/x.txt", b"X"), ("acl", "[]")]


@given(
    contents=st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=60),
            # What looks like the boundary, and is not.
            st.lists(st.sampled_from([b"\r", b"\n", b"--b", b"-", b"b", b"x"]), min_size=1).map(
                b"".join
            ),
        ).filter(lambda content: b"\r\n--b" not in b"\r\n" + content),
        max_size=3,
    ),
    size=st.integers(1, 80),
)
def test_however_the_body_is_cut_the_files_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], size: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "cut"
    body = b"".join(file(f"{number}.bin", one) for number, one in enumerate(contents))
    found = taken_apart(folder, body + b"--b--\r\n", size=size)
    assert found == [(f"file/{number}.bin", one) for number, one in enumerate(contents)]


def test_a_file_over_the_limit_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    body = file("big", b"x" * 5000) + file("none", b"") + file("small", b"x") + b"--b--\r\n"
    found = taken_apart(tmp_path, body, size=100)
    assert found == [
        ("file/big", "file_too_large"),
        ("file/none", "empty_file"),
        ("file/small", b"x"),
    ]


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_at_any_time_one_file_is_open(tmp_path: Path) -> None:
    before = open_descriptors()
    with FolderOriginals(tmp_path).receive() as intake:
        form = FormParts(TYPE, intake, max_files=500, max_file_bytes=MAX_FILE_BYTES)
        for number in range(500):
            form.feed(file(f"{number}.txt", b"x"))
        assert (
            len(list(Path("/proc/self/fd").iterdir())) - before <= 2
        )  # the lock, and the last file
        form.close()


def test_what_an_unfinished_form_brought_is_removed(tmp_path: Path) -> None:
    with FolderOriginals(tmp_path).receive() as intake:
        form = FormParts(TYPE, intake, max_files=3, max_file_bytes=MAX_FILE_BYTES)
        form.feed(file("a.txt", b"whole") + file("b.txt", b"half")[:-3])
        form.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        b"--other\r\n\r\n--other--",
        file("a.txt", b"x"),  # no closing boundary
        file("a.txt", b"x")[:-9],
        b"--b\r\nno colon here\r\n\r\nx\r\n--b--",
        b"--b\r\n\r\nno headers\r\n--b--",
        part("Content-Disposition: form-data", b"no name") + b"--b--",
        part("X-Header: 1", b"no disposition") + b"--b--",
        part("X: 1\r\n" * 40 + 'Content-Disposition: form-data; name="file"', b"x") + b"--b--",
        file("x" * 40_000, b"x") + b"--b--",
    ],
)
def test_a_body_that_is_no_whole_form_is_malformed(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(MalformedUpload):
        taken_apart(tmp_path, body, size=64)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", f"{TYPE[:-1]}{'b' * 300}"],
)
def test_a_content_type_without_a_boundary_of_use_is_malformed(
    tmp_path: Path, content_type: str
) -> None:
    with pytest.raises(MalformedUpload):
        taken_apart(tmp_path, b"--b--", content_type=content_type)


def test_files_and_fields_are_counted(tmp_path: Path) -> None:
    with pytest.raises(TooManyFiles):
        taken_apart(tmp_path, file("a", b"x") * 4)
    with pytest.raises(InvalidRequest):
        taken_apart(tmp_path, field("a", b"x") * (form_parts.MAX_FIELDS + 1))
    with pytest.raises(InvalidRequest):
        taken_apart(tmp_path, field("a", b"x" * (form_parts.MAX_FIELD_BYTES + 1)), size=9999)


def test_a_file_in_another_field_is_not_stored(tmp_path: Path) -> None:
    found = taken_apart(tmp_path, file("a.txt", b"x", name="picture") + b"--b--")
    assert found == [("picture/a.txt", "invalid_request")]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('filename="müller.txt"', "müller.txt"),
        ('filename="a\\"b;c.txt"', 'a"b;c.txt'),
        ('filename="../../etc/passwd"', "../../etc/passwd"),
        ('filename=""', ""),
        ("filename*=UTF-8''m%C3%BCller.txt", "müller.txt"),
        ("filename=\"plain.txt\"; filename*=UTF-8''other.txt", "plain.txt"),
    ],
)
def test_the_name_of_a_file_is_what_its_sender_called_it(
    tmp_path: Path, said: str, name: str
) -> None:
    body = part(f'Content-Disposition: form-data; name="file"; {said}', b"x") + b"--b--"
    assert taken_apart(tmp_path, body) == [(f"file/{name}", b"x")]


@pytest.mark.parametrize("charset", ["nonsense", "zlib", "\x00", "idna", "undefined"])
def test_a_charset_of_no_use_is_read_as_latin_1(tmp_path: Path, charset: str) -> None:
    content_type = f"multipart/form-data; charset={charset}; boundary=b"
    body = field("collection", b"a\xe9." * 30) + b"--b--"
    assert taken_apart(tmp_path, body, content_type=content_type) == [("collection", "aé." * 30)]
