import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from corpus.errors import BrokenFile, EncryptedFile
from ingestion.parsing.archives import check_archive
from ingestion.parsing.mail.eml import parse_eml
from ingestion.parsing.office.opendocument import parse_odt
from ingestion.parsing.web.epub import parse_epub
from tests.samples.kinds import eml_bytes, write_epub, zip_bytes

ODT = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:text>'
    '<text:h text:outline-level="2">Part</text:h><text:p>one<text:s text:c="2"/>two</text:p>'
    "<text:list><text:list-item><text:p>point</text:p></text:list-item></text:list>"
    "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
    "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"
    "</office:text></office:body></office:document-content>"
)


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(data)
    return path


def test_a_message_begins_with_its_headers_and_is_titled_by_its_subject(tmp_path: Path) -> None:
    document = parse_eml(written(tmp_path, eml_bytes(subject="Budget", text="Hello.\n\nBye.\n")))
    assert document.title == "Budget"
    assert document.pages[0].text == (
        "From: ann@example.org\nTo: bob@example.org\nSubject: Budget\n\nHello.\n\nBye."
    )


def test_of_two_forms_of_a_message_one_is_read(tmp_path: Path) -> None:
    data = eml_bytes(text="The plain form.", html="<p>The <b>rich</b> form.</p>")
    text = parse_eml(written(tmp_path, data)).pages[0].text
    assert text.endswith("The rich form.")
    assert "plain" not in text


def test_a_forwarded_message_is_read_after_the_words_that_forward_it(tmp_path: Path) -> None:
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("Forwarded words.")
    outer = EmailMessage()
    outer["Subject"] = "Outer"
    outer.set_content("Outer words.")
    outer.add_attachment(inner)
    text = parse_eml(written(tmp_path, outer.as_bytes())).pages[0].text
    order = ["Outer words.", "Subject: Inner", "Forwarded words."]
    assert sorted(order, key=text.index) == order


def test_a_message_in_utf_16_is_read(tmp_path: Path) -> None:
    data = eml_bytes(text="Plain words.").decode().encode("utf-16-le")
    assert "Plain words." in parse_eml(written(tmp_path, data)).pages[0].text


def test_an_encrypted_message_says_so(tmp_path: Path) -> None:
    data = b"From: a@b.c\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\nAAAA"
    with pytest.raises(EncryptedFile):
        parse_eml(written(tmp_path, data))


def test_chapters_are_pages_in_reading_order(tmp_path: Path) -> None:
    path = write_epub(tmp_path / "blob", ["<h1>One</h1><p>first words</p>", "<p>second words</p>"])
    document = parse_epub(path)
    assert document.title == "A Book of Tests"
    assert [(p.number, p.text) for p in document.pages] == [
        (1, "One\n\nfirst words"),
        (2, "second words"),
    ]


def test_a_book_without_its_contents_is_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile):
        parse_epub(written(tmp_path, zip_bytes({"mimetype": b"application/epub+zip"})))


def test_an_opendocument_text_keeps_its_structure(tmp_path: Path) -> None:
    page = parse_odt(written(tmp_path, zip_bytes({"content.xml": ODT.encode()}))).pages[0]
    found = [(b.kind, b.level, page.text[b.start_char : b.end_char]) for b in page.blocks]
    assert found == [
        ("heading", 2, "Part"),
        ("text", 0, "one  two"),
        ("list", 0, "point"),
        ("table", 0, "a | b"),
    ]


def test_entities_of_a_hostile_file_are_not_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "secret">]>' + ODT.replace("Part", "&a;")
    document = parse_odt(written(tmp_path, zip_bytes({"content.xml": bomb.encode()})))
    assert "secret" not in document.pages[0].text


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = written(tmp_path, zip_bytes({"word/document.xml": bytes(40 * 1024**2)}))
    with pytest.raises(BrokenFile, match="zip bomb"):
        check_archive(bomb)


def test_a_zip_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, zip_bytes({f"{n}": b"x" for n in range(40)}))
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 24 : at + 28] = (2**31).to_bytes(4, "little")
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert sum(member.file_size for member in archive.infolist()) > 2**36
    with pytest.raises(BrokenFile, match="more than a document"):
        check_archive(path)
