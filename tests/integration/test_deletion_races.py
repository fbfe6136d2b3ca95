"""Random interleavings of changes and questions, step by step (bench/deletion_races.py)."""

from pathlib import Path

from bench.deletion_races import measure

RUNS = 120


def test_no_deleted_or_replaced_text_gets_into_an_answer(tmp_path: Path) -> None:
    tally = measure(tmp_path, RUNS, seed=1)
    assert tally.wrong == []
    assert tally.events["deletions not verified"] == 0
    # What it is about did happen: answers were given, and some lost their sources on the way.
    for event in ("answer: answered", "stream: answered", "stream: ended, sources changed"):
        assert tally.events[event] > 0
    for event in ("deleted", "replaced", "rolled back", "changed"):
        assert tally.events[event] > RUNS / 10
