import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.index.fusion import Half, ScoreFusion, SearchPlan, fuse

scores = st.dictionaries(
    st.sampled_from("abcdefgh"), st.floats(0.0, 1.0, allow_subnormal=False), max_size=8
)


def plan(share: float, limit: int = 10) -> SearchPlan:
    halves = (Half("dense", [1.0], 10, 1 - share), Half("sparse", ([1], [1.0]), 10, share))
    return SearchPlan(halves, limit, is_hybrid=True)


@given(scores, scores, st.floats(0.0, 1.0))
def test_all_that_was_found_comes_once_best_first_and_within_bounds(
    dense: dict[str, float], sparse: dict[str, float], share: float
) -> None:
    fused = fuse(plan(share), [dense, sparse])
    assert {hit for hit, _ in fused} == dense.keys() | sparse.keys()
    sums = [score for _, score in fused]
    assert sums == sorted(sums, reverse=True)
    assert all(0.0 <= score <= 1.0 + 1e-9 for score in sums)


@given(scores, scores)
def test_without_a_share_of_words_the_order_is_that_of_the_meaning(
    dense: dict[str, float], sparse: dict[str, float]
) -> None:
    order = [hit for hit, _ in fuse(plan(0.0), [dense, sparse]) if hit in dense]
    assert [dense[hit] for hit in order] == sorted(dense.values(), reverse=True)


def test_a_hit_of_one_search_has_the_least_of_the_other() -> None:
    fused = dict(fuse(plan(0.5), [{"a": 0.8, "b": 0.4}, {"c": 7.0}]))
    assert fused == pytest.approx({"a": 0.4, "b": 0.2, "c": 0.5 + 0.2})


def test_only_the_limit_is_kept() -> None:
    assert [hit for hit, _ in fuse(plan(0.0, limit=1), [{"a": 0.1, "b": 0.2}, {}])] == ["b"]


def test_words_count_more_where_the_embedding_does_not_know_the_language() -> None:
    english, german = "What is the capital of it?", "Was ist die Hauptstadt davon?"
    fusion = ScoreFusion()
    assert fusion.share_of_words(english, None) < fusion.share_of_words(german, None)
    knows_all = ScoreFusion(embedded_languages=None)
    assert knows_all.share_of_words(english, None) == knows_all.share_of_words(german, None)


def test_alpha_one_is_all_meaning_and_others_are_refused() -> None:
    assert ScoreFusion().share_of_words("x", 1.0) == 0.0
    with pytest.raises(ValueError, match="alpha"):
        ScoreFusion().share_of_words("x", 1.5)
