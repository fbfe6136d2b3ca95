"""What both sides are measured by."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Ingested:
    """From files to searchable vectors; `tokens` are those of the chunks' own texts."""

    pages: int
    chunks: int
    tokens: int
    chars: int
    seconds: float
    peak_bytes: int

    @property
    def pages_per_s(self) -> float:
        """Throughput."""
        return self.pages / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.pages} pages, {self.chunks} chunks, {self.tokens} tokens, {self.chars} "
            f"characters in {self.seconds:.1f} s: {self.pages_per_s:.2f} pages/s, "
            f"{self.tokens / self.seconds:.0f} tokens/s, peak {self.peak_bytes / _MIB:.0f} MiB"
        )


@dataclass(frozen=True, slots=True)
class Parsed:
    """From files to text."""

    pages: int
    chars: int
    seconds: float

    @property
    def pages_per_s(self) -> float:
        """Throughput."""
        return self.pages / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.pages} pages, {self.chars} characters in {self.seconds:.2f} s: "
            f"{self.pages_per_s:.1f} pages/s"
        )
