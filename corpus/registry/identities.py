"""What makes another file the same document, unique within a collection. Pure."""

from __future__ import annotations


def by_bytes(sha256: str) -> str:
    """Of a file that was given no id."""
    return f"sha256:{sha256}"


def by_bytes_for(sha256: str, whom: str) -> str:
    """Of such a file where the bytes are somebody else's already, who keeps them hidden."""
    return f"sha256:{sha256}:{whom}"


def by_external_id(external_id: str) -> str:
    """Of a file under an id of its owner's."""
    return f"external:{external_id}"


def as_attachment(parent_id: str, sha256: str, number: int) -> str:
    """Of the file with the `number`th occurrence of these bytes in its parent."""
    return f"child:{parent_id}:{sha256}:{number}"


def as_deleted(document_id: str) -> str:
    """Of what is deleted: its identity is free for another document."""
    return f"deleted:{document_id}"
