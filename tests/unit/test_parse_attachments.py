"""Files within mails: which are taken, which are dropped, and which are named as left out."""

from __future__ import annotations

from base64 import b64encode
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.mail.attached import (
    MAX_ATTACHMENTS,
    MAX_NAMED,
    SHOWN_PICTURE_BYTES,
    SMALL_PICTURE_BYTES,
    AttachedFiles,
    left_out_warnings,
)
from ingestion.parsing.mail.eml import MAX_FORWARDED_DEPTH, parse_eml
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.sandbox.scratch import Scratch

PDF = b"%PDF-1.4 " + bytes(range(256))


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return Scratch(folder, 1 << 24)


def message(text: str = "Words.", html: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"] = "ann@example.org"
    made["Subject"] = "Plans"
    made.set_content(text)
    if html:
        made.add_alternative(html, subtype="html")
    return made


def attach(
    mail: EmailMessage, name: str | None, data: bytes, kind: str = "application/pdf"
) -> None:
    maintype, subtype = kind.split("/")
    mail.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)


def read(data: bytes, scratch: Scratch) -> ParsedDocument:
    path = scratch.folder.parent / "mail"
    path.write_bytes(data)
    return parse_eml(path, scratch)


def warned(document: ParsedDocument) -> list[str]:
    assert {warning.code for warning in document.warnings} <= {"attachments_not_read"}
    return [warning.detail for warning in document.warnings]


def taken(document: ParsedDocument, scratch: Scratch) -> list[tuple[str, bytes]]:
    return [
        (one.filename, (scratch.folder / one.scratch_name).read_bytes())
        for one in document.attachments
    ]


def test_attached_files_are_taken_out_byte_for_byte_in_their_order(scratch: Scratch) -> None:
    mail = message()
    attach(mail, "plan.pdf", PDF)
    attach(mail, "notes.txt", "Grüße\r\n".encode("cp1252"), "text/plain")
    attach(mail, "table.csv", b"a,b\n1,2\n", "text/csv")
    document = read(mail.as_bytes(), scratch)
    assert taken(document, scratch) == [
        ("plan.pdf", PDF),
        ("notes.txt", "Grüße\r\n".encode("cp1252")),
        ("table.csv", b"a,b\n1,2\n"),
    ]
    assert document.pages[0].text.endswith("Subject: Plans\n\nWords.")
    assert document.warnings == ()


def test_words_without_a_file_name_stay_in_the_message(scratch: Scratch) -> None:
    mail = message()
    mail.make_mixed()
    footer = EmailMessage()
    footer.set_content("The list's footer.")
    mail.attach(footer)
    document = read(mail.as_bytes(), scratch)
    assert document.pages[0].text.endswith("Words.\n\nThe list's footer.")
    assert document.attachments == ()


def test_files_of_a_forwarded_message_are_those_of_the_outer_one(scratch: Scratch) -> None:
    inner = message("Inner words.")
    attach(inner, "inner.pdf", PDF)
    outer = message("Outer words.")
    outer.add_attachment(inner)
    attach(outer, "outer.pdf", PDF)
    document = read(outer.as_bytes(), scratch)
    assert [name for name, _ in taken(document, scratch)] == ["inner.pdf", "outer.pdf"]
    assert "Inner words." in document.pages[0].text


def test_a_forwarded_message_that_is_encoded_is_read_too(scratch: Scratch) -> None:
    inner = message("Inner words.")
    attach(inner, "inner.pdf", PDF)
    data = (
        b"Subject: Outer\nMIME-Version: 1.0\nContent-Type: message/rfc822\n"
        b"Content-Transfer-Encoding: base64\n\n" + b64encode(inner.as_bytes())
    )
    document = read(data, scratch)
    assert "Inner words." in document.pages[0].text
    assert taken(document, scratch) == [("inner.pdf", PDF)]


def test_messages_nested_too_deep_are_named(scratch: Scratch) -> None:
    mail = message("The innermost words.")
    for _ in range(MAX_FORWARDED_DEPTH + 1):
        outer = message("Around it.")
        outer.add_attachment(mail)
        mail = outer
    document = read(mail.as_bytes(), scratch)
    assert "innermost" not in document.pages[0].text
    assert warned(document) == [
        (
            "Attachments that were not read (messages are read 8 deep within one another): "
            "forwarded message."
        ),
    ]


def test_a_file_attached_among_the_forms_of_a_message_is_not_one_of_them(scratch: Scratch) -> None:
    mail = message("Plain.", html="<p>Rich.</p>")
    part = EmailMessage()
    part.set_content(PDF, maintype="application", subtype="pdf", filename="plan.pdf")
    mail.attach(part)
    document = read(mail.as_bytes(), scratch)
    assert document.pages[0].text.endswith("Rich.")
    assert "Plain." not in document.pages[0].text
    assert taken(document, scratch) == [("plan.pdf", PDF)]


def test_letterheads_and_signatures_are_dropped_without_a_word(scratch: Scratch) -> None:
    mail = message("See it.", html='<p>See it.</p><img src="cid:logo@x">')
    attach(mail, "icon.png", bytes(SMALL_PICTURE_BYTES - 1), "image/png")
    attach(mail, "unsaid.gif", bytes(10), "application/octet-stream")
    mail.add_attachment(
        bytes(SHOWN_PICTURE_BYTES - 1), maintype="image", subtype="png", cid="<logo@x>"
    )
    attach(mail, "signature.asc", b"-----BEGIN PGP SIGNATURE-----", "application/pgp-signature")
    document = read(mail.as_bytes(), scratch)
    assert document.attachments == ()
    assert document.warnings == ()


def test_pictures_worth_a_look_are_taken(scratch: Scratch) -> None:
    mail = message("See it.", html='<p>See it.</p><img src="cid:shot@x">')
    attach(mail, "photo.png", bytes(SMALL_PICTURE_BYTES), "image/png")
    mail.add_attachment(bytes(SHOWN_PICTURE_BYTES), maintype="image", subtype="png", cid="<shot@x>")
    document = read(mail.as_bytes(), scratch)
    assert [name for name, _ in taken(document, scratch)] == ["photo.png", "attachment.png"]


def test_outlooks_own_container_is_named_as_not_opened(scratch: Scratch) -> None:
    mail = message()
    attach(mail, "winmail.dat", b"\x78\x9f\x3e\x22", "application/ms-tnef")
    document = read(mail.as_bytes(), scratch)
    assert document.attachments == ()
    assert warned(document) == [
        (
            "Attachments that were not read (Outlook's own container, which is not opened): "
            "winmail.dat."
        ),
    ]


def test_more_files_than_a_mail_may_have_are_named(scratch: Scratch) -> None:
    mail = message()
    for number in range(MAX_ATTACHMENTS + 1):
        attach(mail, f"{number}.pdf", PDF)
    document = read(mail.as_bytes(), scratch)
    assert len(document.attachments) == MAX_ATTACHMENTS
    assert warned(document) == [
        "Attachments that were not read (beyond the 100 that a mail may have): 100.pdf."
    ]


def test_where_nothing_may_be_taken_out_files_are_named(tmp_path: Path) -> None:
    mail = message()
    attach(mail, "plan.pdf", PDF)
    (tmp_path / "mail").write_bytes(mail.as_bytes())
    document = parse_eml(tmp_path / "mail")
    assert document.attachments == ()
    [sentence] = warned(document)
    assert "too deep" in sentence
    assert sentence.endswith(": plan.pdf.")


def test_files_larger_than_all_of_their_mail_are_not_taken(scratch: Scratch) -> None:
    attached = AttachedFiles(scratch, limit_bytes=25)
    for name in ("a", "b", "c"):
        attached.take(name, "application/pdf", bytes(10), is_shown=False)
    assert [one.filename for one in attached.taken] == ["a", "b"]
    [warning] = attached.warnings
    assert warning.detail == (
        "Attachments that were not read (larger than the mail they are in): c."
    )


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="../../etc/passwd.pdf"', "passwd.pdf"),
        ("attachment; filename*=UTF-8''%C3%9Cber%20sicht.pdf", "Über sicht.pdf"),
        ('attachment; filename="=?utf-8?Q?=C3=9Cber.pdf?="', "Über.pdf"),
        ('attachment; filename*0="long"; filename*1="er.pdf"', "longer.pdf"),
        ("attachment; filename*=bogus''%ff", "�"),
        ("attachment; filename=", "attachment.pdf"),
        ("attachment", "attachment.pdf"),
    ],
)
def test_names_are_decoded_and_made_safe(scratch: Scratch, disposition: str, name: str) -> None:
    data = (
        "Subject: x\nMIME-Version: 1.0\nContent-Type: application/pdf\n"
        f"Content-Disposition: {disposition}\n\n%PDF"
    )
    assert [one.filename for one in read(data.encode(), scratch).attachments] == [name]


def test_a_warning_names_a_few_and_counts_the_others() -> None:
    [warning] = left_out_warnings({"empty": [f"{n}.pdf" for n in range(MAX_NAMED + 5)]})
    assert warning.detail.startswith("Attachments that were not read (empty): 0.pdf, 1.pdf,")
    assert warning.detail.endswith(f"{MAX_NAMED - 1}.pdf and 5 more.")


@given(st.binary(max_size=2000))
def test_whatever_is_attached_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("case") / "scratch"
    folder.mkdir()
    scratch = Scratch(folder, 1 << 20)
    mail = message()
    attach(mail, "a.bin", content, "application/octet-stream")
    assert taken(read(mail.as_bytes(), scratch), scratch) == [("a.bin", content)]
