from __future__ import annotations

from pathlib import Path

import pytest
from oxmsg.storage import Storage

from corpus.errors import BrokenFile, EncryptedFile
from ingestion.parsing.mail.attached import SMALL_PICTURE_BYTES, AttachedFiles
from ingestion.parsing.mail.outlook import parse_message_storage, parse_msg
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.sandbox.scratch import Scratch
from tests.samples import outlook_files as outlook

PDF = b"%PDF-1.4 and more"


def read(storage: Storage, folder: Path) -> tuple[ParsedDocument, dict[str, bytes]]:
    """The message, and the attachments that were taken by their names."""
    scratch = Scratch(folder, 1 << 20)
    attached = AttachedFiles(scratch, limit_bytes=1 << 20)
    document = parse_message_storage(storage, attached)
    taken = {one.filename: (folder / one.scratch_name).read_bytes() for one in document.attachments}
    return document, taken


def test_an_outlook_message_is_read_and_its_files_taken_out(tmp_path: Path) -> None:
    storage = outlook.message(
        {outlook.SUBJECT: "Plans", outlook.BODY: "Words.", outlook.DISPLAY_TO: "Bob"},
        [outlook.file("Über.pdf", PDF), outlook.file("notes.txt", b"Note.")],
    )
    document, taken = read(storage, tmp_path)
    assert document.title == "Plans"
    assert document.pages[0].text == "To: Bob\nSubject: Plans\n\nWords."
    assert taken == {"Über.pdf": PDF, "notes.txt": b"Note."}
    assert document.warnings == ()


def test_a_message_within_a_message_is_read_with_its_files(tmp_path: Path) -> None:
    inner = outlook.forwarded(
        {outlook.SUBJECT: "Inner", outlook.BODY: "Inner words."}, [outlook.file("inner.pdf", PDF)]
    )
    storage = outlook.message({outlook.SUBJECT: "Outer", outlook.BODY: "Outer words."}, [inner])
    document, taken = read(storage, tmp_path)
    assert document.pages[0].text == (
        "Subject: Outer\n\nOuter words.\n\nSubject: Inner\n\nInner words."
    )
    assert taken == {"inner.pdf": PDF}


def test_an_attachment_that_is_damaged_is_named_and_the_others_are_taken(tmp_path: Path) -> None:
    storage = outlook.message(
        {outlook.BODY: "Words."}, [outlook.damaged(), outlook.file("a.pdf", PDF)]
    )
    document, taken = read(storage, tmp_path)
    assert taken == {"a.pdf": PDF}
    assert [warning.detail for warning in document.warnings] == [
        "Attachments that were not read (damaged): unnamed."
    ]


def test_a_picture_that_the_text_shows_is_dropped(tmp_path: Path) -> None:
    picture = bytes(SMALL_PICTURE_BYTES + 1)
    storage = outlook.message(
        {outlook.HTML: b'<p>Words.</p><img src="cid:logo@x">'},
        [
            outlook.file("logo.png", picture, content_id="<logo@x>", media_type="image/png"),
            outlook.file("photo.png", picture, content_id="<photo@x>", media_type="image/png"),
        ],
    )
    _, taken = read(storage, tmp_path)
    assert list(taken) == ["photo.png"]


def test_an_encrypted_message_says_so(tmp_path: Path) -> None:
    storage = outlook.message({outlook.MESSAGE_CLASS: "IPM.Note.SMIME"})
    with pytest.raises(EncryptedFile):
        read(storage, tmp_path)


def test_a_file_that_is_no_container_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(BrokenFile):
        parse_msg(path)
