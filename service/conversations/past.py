"""What was said before, as the parts that understand a follow-up see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.turns import Turn

# A follow-up goes on from the last turns; what is older costs time and misleads.
MAX_TURNS = 8


@dataclass(frozen=True, slots=True)
class PastTurn:
    """A question and its answer; `cited` are the file names that it cites, each once, in order.

    `standalone_question` is the question as it was understood. What is understood from the turn may
    speak of the documents `document_ids`.
    """

    question: str
    standalone_question: str
    answer: str
    cited: tuple[str, ...] = ()
    document_ids: frozenset[str] = frozenset()


def past_turns(turns: Sequence[Turn]) -> list[PastTurn]:
    """The turns as they may be gone on from; those whose sources were deleted have no answer."""
    return [
        PastTurn(
            question=turn.question,
            standalone_question=turn.standalone_question,
            answer=turn.reply.get("answer", ""),
            cited=tuple(
                dict.fromkeys(citation["filename"] for citation in turn.reply.get("citations", ()))
            ),
            # Nothing is left of a removed one: whoever goes on from it must not be removed with it.
            document_ids=frozenset() if turn.is_removed else turn.document_ids,
        )
        for turn in turns
    ]
