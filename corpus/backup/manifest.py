"""What a backup says of itself, in its last member."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from corpus.errors import BackupUnusable

FORMAT = 1  # raised when an older Lectern could not read it
MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`revision` is that of the tables, `fingerprint` the embedding of the vectors, if any.

    `rows` counts by table, `size_bytes` is what the members before the last two have, unpacked;
    `unreadable` names originals that were damaged or missing already.
    `checksums_sha256` is the hash of the member `SHA256SUMS`, which has those of all others.
    """

    lectern: str
    created_at: str
    revision: str
    fingerprint: Mapping[str, Any] | None
    has_vectors: bool
    rows: Mapping[str, int]
    originals: int
    original_bytes: int
    points: int
    size_bytes: int
    unreadable: tuple[str, ...]
    checksums_sha256: str
    format: int = FORMAT

    def as_json(self) -> bytes:
        """For people as well."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    @classmethod
    def read(cls, data: bytes) -> Self:
        """`BackupUnusable` for anything else, and for what a newer Lectern has made."""
        try:
            fields = json.loads(data)
            if fields["format"] > FORMAT:
                raise BackupUnusable(
                    f"The backup was made by a newer Lectern ({fields['lectern']}).",
                    hint="Install that version, or a later one.",
                )
            fields["unreadable"] = tuple(fields["unreadable"])
            return cls(**fields)
        except (ValueError, KeyError, TypeError) as error:
            raise BackupUnusable("The backup's manifest cannot be read.") from error
