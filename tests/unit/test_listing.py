from __future__ import annotations

from typing import Any

from lectern.commands.listing import listing


def row(document_id: str, filename: str, parent_id: str | None = None) -> dict[str, Any]:
    return {
        "id": document_id,
        "status": "ready",
        "error": None,
        "waiting": None,
        "pages": 1,
        "chunks": 2,
        "collection": "default",
        "filename": filename,
        "parent_id": parent_id,
    }


def test_an_attachment_is_named_after_its_mail() -> None:
    documents = [
        row("3", "deep.pdf", "2"),
        row("2", "inner.eml", "1"),
        row("1", "mail.eml"),
        row("4", "orphan.pdf", "elsewhere"),
    ]
    _, *lines = listing(documents)
    names = [line.split("default")[1].strip() for line in lines]
    assert names == [
        "mail.eml → inner.eml → deep.pdf",
        "mail.eml → inner.eml",
        "mail.eml",
        "orphan.pdf",
    ]
