"""What a collection remembers of how it was embedded: vectors of two kinds never mix."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

# Raise it when the same file would be cut into other chunks than before, or its words would be
# encoded in another way.
CHUNKER_VERSION = 3


@dataclass(frozen=True)
class EmbeddingFingerprint:
    """All that makes two vectors comparable, or not; and how the texts were cut.

    `pooling` is "mean", or "endpoint" when a remote one decides; `prefix` is text put before
    every input; `normalised` says that vectors leave the model with length 1.
    """

    model: str
    dimension: int
    pooling: str
    prefix: str
    normalised: bool
    chunker_version: int

    def as_json(self) -> dict[str, str | int | bool]:
        """Return the fields by name, for storing."""
        return asdict(self)

    @property
    def short(self) -> str:
        """Eight hexadecimal digits that differ when vectors cannot be compared."""
        # Chunks of all chunkers share a space; collections on servers bear the first one's name.
        fields = {**self.as_json(), "chunker_version": 1}
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]
