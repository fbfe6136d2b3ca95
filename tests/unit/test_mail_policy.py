from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

from ingestion.parsing.mail.eml import parse_eml
from ingestion.parsing.mail.policy import MAX_HEADER_CHARS, BoundedHeaders


def test_a_header_without_an_end_is_read_in_part() -> None:
    words = b" =?utf-8?q?=41?=" * 20_000
    message = message_from_bytes(b"Subject:" + words + b"\n\nwords", policy=BoundedHeaders())
    assert 0 < len(str(message["Subject"])) <= MAX_HEADER_CHARS
    assert message.get_payload() == "words"


def test_a_header_of_usual_length_is_read_whole() -> None:
    subject = " ".join(["Results"] * 100)
    message = message_from_bytes(f"Subject: {subject}\n\nx".encode(), policy=BoundedHeaders())
    assert message["Subject"] == subject


def test_a_mail_whose_header_never_ends_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(
        b"From: a@example.org\nSubject:" + b" =?utf-8?q?=41?=" * 20_000 + b"\n\nThe text."
    )
    assert "The text." in parse_eml(path).pages[0].text
