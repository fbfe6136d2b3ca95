"""What the service tells of its work, to whoever measures it (lectern/server/metrics/)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

# Of the text that the measures become at /metrics.
METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LlmOutcome = Literal["ok", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class MeasuredAnswer:
    """An answer that ended, in whatever way.

    `state` is the answer's, or `stopped` by whoever asked, or `failed`. `first_text_s` and
    `total_s` are seconds since the question came in; the first is None without any text. `usage`
    counts tokens, as an answer's end has them.
    """

    state: str
    degraded: tuple[str, ...]
    usage: Mapping[str, int]
    first_text_s: float | None
    total_s: float


class ServiceMeasures(Protocol):
    """Told from several threads and tasks; must return at once and raise nothing."""

    def replied(self, method: str, route: str | None, status: int | None, seconds: float) -> None:
        """A request's reply began after so long, or (None) never did.

        `route` is the template of its address; None where there is no such address.
        """
        ...

    def retrieved(self, seconds: float) -> None:
        """Passages were retrieved for a question."""
        ...

    def answered(self, answer: MeasuredAnswer) -> None:
        """An answer ended."""
        ...

    def llm_called(
        self, outcome: LlmOutcome, *, first_token_s: float | None, total_s: float
    ) -> None:
        """A call of the LLM ended, waiting in line and retries included."""
        ...


class NotMeasured:
    """Whoever is told keeps nothing."""

    def replied(self, method: str, route: str | None, status: int | None, seconds: float) -> None:
        """Nothing."""

    def retrieved(self, seconds: float) -> None:
        """Nothing."""

    def answered(self, answer: MeasuredAnswer) -> None:
        """Nothing."""

    def llm_called(
        self, outcome: LlmOutcome, *, first_token_s: float | None, total_s: float
    ) -> None:
        """Nothing."""


NOT_MEASURED = NotMeasured()
