"""What the figures of an evaluation mean."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.evaluation.asking import Asked, paragraph_spans
from lectern.evaluation.comparing import compare
from lectern.evaluation.golden import Golden
from lectern.evaluation.scoring import Figure, contains, figures_of, judge


def place(page: int, start: int = 0, end: int = 10, filename: str = "a.pdf") -> dict[str, Any]:
    return {"filename": filename, "page": page, "start_char": start, "end_char": end}


def asked(
    golden: Golden,
    *hits: dict[str, Any],
    answer: str = "",
    cited: tuple[dict[str, Any], ...] = (),
    span: tuple[int, int] | None = None,
) -> Asked:
    return Asked(
        golden=golden,
        hits=hits,
        answer={
            "state": "answered" if answer else "not_in_documents",
            "answer": answer,
            "citations": list(cited),
        },
        verbatim=[True for _ in cited],
        paragraph_span=span,
        search_ms=1.0,
        chat_ms=2.0,
    )


def figures(*those: Asked) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of([judge(one) for one in those])}


def test_a_page_counts_once_however_many_hits_it_has() -> None:
    golden = Golden(question="q", document="a.pdf", pages=frozenset({3}))
    judged = judge(asked(golden, place(1), place(1), place(2), place(3), place(3)))
    assert judged.ranks == (3,)


def test_recall_reciprocal_rank_and_gain_are_those_of_the_textbook() -> None:
    golden = Golden(question="q", document="a.pdf", pages=frozenset({2, 4}))
    found = figures(
        asked(golden, place(1), place(2), place(3), place(4)),
        asked(golden, place(9, filename="b.pdf")),
    )
    assert found["recall@1"].value == 0
    assert found["recall@5"].value == 0.5
    assert found["MRR"].value == pytest.approx(0.25)
    gained, best = 1 / math.log2(3) + 1 / math.log2(5), 1 + 1 / math.log2(3)
    assert found["nDCG@10"].value == pytest.approx(gained / best / 2)


def test_of_a_paragraph_the_hit_must_hold_a_good_part_and_not_only_touch_it() -> None:
    golden = Golden(question="q", document="a.pdf", paragraph=1)
    beside, inside = place(1, 0, 105), place(1, 120, 160)
    assert judge(asked(golden, beside, inside, span=(100, 200))).ranks == (2,)
    assert judge(asked(golden, beside, span=(100, 200))).ranks == ()


def test_a_document_without_pages_is_found_by_its_name() -> None:
    golden = Golden(question="q", document="a.pdf")
    judged = judge(asked(golden, place(1, filename="b.pdf"), place(1, filename="b.pdf"), place(7)))
    assert judged.ranks == (2,)


def test_withholding_is_right_or_wrong_by_what_the_documents_tell() -> None:
    unknown, known = Golden(question="q", answerable=False), Golden(question="q", answer="12")
    found = figures(
        asked(unknown),
        asked(unknown, answer="Of course."),
        asked(known),
        asked(known, answer="It is 12."),
    )
    assert (found["wrongly answered"].value, found["wrongly answered"].count) == (0.5, 2)
    assert (found["wrongly withheld"].value, found["wrongly withheld"].count) == (0.5, 2)
    assert found["answer contains the gold answer"].value == 0.5


def test_what_a_golden_set_does_not_tell_has_no_figure() -> None:
    found = figures(asked(Golden(question="q", answerable=False), place(1)))
    assert found["recall@1"] == Figure("recall@1", None, 0)
    assert found["right place is cited"].value is None


def test_the_right_place_is_looked_for_among_citations_of_answers_only() -> None:
    golden = Golden(question="q", document="a.pdf", pages=frozenset({2}))
    found = figures(
        asked(golden, answer="So it is.", cited=(place(1), place(2))),
        asked(golden, answer="So it is.", cited=(place(1),)),
        asked(golden),
    )
    assert (found["right place is cited"].value, found["right place is cited"].count) == (0.5, 2)


@pytest.mark.parametrize(
    ("text", "gold", "is_in"),
    [
        ("They let in 308 points.", "308", True),
        ("They let in 3081 points.", "308", False),
        ("The Panthers' defense", "panthers defense", True),
        ("灯塔建于1871年。", "1871年", True),
        ("Öl wird gelagert", "ÖL", True),
        ("nothing of it", "308", False),
    ],
)
def test_an_answer_is_contained_by_its_words(text: str, gold: str, *, is_in: bool) -> None:
    assert contains(text, gold) is is_in


@given(st.text(alphabet="ab \n", max_size=60))
def test_paragraphs_hold_all_text_in_order(text: str) -> None:
    spans = paragraph_spans(text)
    assert "\n\n".join(text[start:end] for start, end in spans).split() == text.split()
    assert all(end <= following for (_, end), (following, _) in pairwise(spans))


def test_a_share_may_be_worse_by_the_tolerance_and_no_more() -> None:
    shares = [Figure("recall@5", 0.78, 100), Figure("MRR", 0.7799, 100)]
    errors = [Figure("wrongly answered", 0.03, 100, less_is_better=True)]
    before = {"recall@5": 0.80, "MRR": 0.80, "wrongly answered": 0.0}
    changes = compare([*shares, *errors], before, 0.02)
    assert [change.is_regression for change in changes] == [False, True, True]


def test_latencies_and_figures_without_a_past_are_no_regressions() -> None:
    figures = [
        Figure("chat p50", 900.0, 10, "ms", less_is_better=True),
        Figure("recall@1", 0.1, 10),
        Figure("MRR", None, 0),
    ]
    changes = compare(figures, {"chat p50": 10.0, "recall@1": None, "MRR": 0.5}, 0.02)
    assert not any(change.is_regression for change in changes)
