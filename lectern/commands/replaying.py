"""`lectern replay`: ask again what was asked, and show what came out differently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import ndiff
from typing import Any

from rich.console import Console

from lectern.client import Client
from lectern.plain import plain

# Passages further behind hardly have a part in an answer.
_COMPARED = 10


def replay(client: Client, answer_id: str, console: Console) -> bool:
    """Print how the answer would come out now; whether it is the same. Raises ServerError.

    The question is asked as it was understood then, with the same filters and persona.
    Nothing of the new answer is kept.
    """
    before = client.explain(answer_id)
    again = client.answer(
        before["standalone_question"],
        before["collection"],
        before["applied_filters"] or None,
        top_k=before["top_k"],
        persona=before["persona"],
    )
    try:
        after = client.explain(again["answer_id"])
    finally:
        client.delete_conversation(again["conversation_id"])
    differences = list(_differences(before, after))
    _print(console, f"Question: {before['standalone_question']}")
    for line in differences or ["No difference."]:
        _print(console, line)
    return not differences


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    if before["removed"]:
        yield "What was answered then was deleted with its documents."
    elif not before["traced"]:
        yield "How it was answered then is not kept any more; the answers are compared alone."
    for name in ("state", "model"):
        if before[name] != after[name]:
            yield f"{name}: {before[name]} -> {after[name]}"
    if before["answer"] != after["answer"]:
        yield "answer:"
        yield from _changed_lines([before["answer"]], [after["answer"]])
    cited = [[_place(one) for one in which["citations"]] for which in (before, after)]
    if cited[0] != cited[1]:
        yield "sources:"
        yield from _changed_lines(*cited)
    if before["traced"]:
        then, now = _passages(before), _passages(after)
        if then != now:
            yield "passages, best first:"
            yield from _changed_lines(then, now)
        if before["prompt"] != after["prompt"]:
            yield "The prompt is another one."


def _changed_lines(before: Sequence[str], after: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in ndiff(before, after) if line[:1] in "+-"]


def _passages(answer: dict[str, Any]) -> list[str]:
    stages = answer["stages"]
    return [_place(one) for one in stages[-1]["candidates"][:_COMPARED]] if stages else []


def _place(where: dict[str, Any]) -> str:
    return f"{where['filename']}, page {where['page']}"


def _print(console: Console, line: str) -> None:
    console.print(plain(line), markup=False, highlight=False, soft_wrap=not console.is_terminal)
