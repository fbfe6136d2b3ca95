"""How long a document will still take, from how fast this worker has been."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from corpus.values import Status

WEIGHT_OF_THE_LAST = 0.3  # an exponentially weighted mean: a dozen documents back is forgotten


@dataclass(slots=True)
class Pace:
    """Seconds a page takes to parse, seconds a chunk takes to embed, and chunks a page gives.

    It begins with what two cores take for annual reports, and learns from each document.
    """

    page_s: float = 0.006
    chunk_s: float = 0.05
    chunks_per_page: float = 4.3

    def learn_parsing(self, pages: int, seconds: float, chunks: int) -> None:
        """A document of so many pages was parsed in so many seconds, into so many chunks."""
        if pages:
            self.page_s = _towards(self.page_s, seconds / pages)
            self.chunks_per_page = _towards(self.chunks_per_page, chunks / pages)

    def learn_embedding(self, chunks: int, seconds: float) -> None:
        """So many chunks were embedded and written in so many seconds."""
        if chunks:
            self.chunk_s = _towards(self.chunk_s, seconds / chunks)

    def eta_s(self, stage: Status, done: int, total: int, elapsed_s: float) -> int | None:
        """Whole seconds until the document is ready; None when its size is not known yet.

        `done` of `total` units of the stage took `elapsed_s`: once some are done, their own speed
        counts, not that of the documents before.
        """
        if not total:
            return None
        unit_s = elapsed_s / done if done else None
        left = total - done
        if stage is Status.PARSING:
            embedding_s = total * self.chunks_per_page * self.chunk_s
            return ceil(left * (unit_s or self.page_s) + embedding_s)
        if stage is Status.EMBEDDING:
            return ceil(left * (unit_s or self.chunk_s))
        return 0


def _towards(mean: float, last: float) -> float:
    return mean + WEIGHT_OF_THE_LAST * (last - mean)
