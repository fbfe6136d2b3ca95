"""How long a document may take, by its size."""

from __future__ import annotations

import time
from dataclasses import dataclass

from corpus.errors import IngestionTimeout

# 40 times what two cores take for a chunk of 256 tokens.
CHUNK_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, and the limit that it came from."""

    at_s: float
    limit_s: float

    def check(self) -> None:
        """Raise `IngestionTimeout` once it has passed."""
        if time.monotonic() > self.at_s:
            raise IngestionTimeout(
                f"Embedding this document took longer than {self.limit_s:.0f} seconds."
            )


def embedding_deadline(chunks: int, *, base_s: float) -> Deadline:
    """For embedding and indexing so many chunks, from now on."""
    limit_s = base_s + chunks * CHUNK_LIMIT_S
    return Deadline(time.monotonic() + limit_s, limit_s)
