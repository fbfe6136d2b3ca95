import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.index.fusion import RankFusion

weights = st.floats(0.0, 10.0)
ranks = st.integers(1, 60)


@given(weights, weights)
def test_only_the_ratio_of_the_weights_counts_and_the_larger_is_one(
    dense: float, sparse: float
) -> None:
    if max(dense, sparse) == 0:
        with pytest.raises(ValueError, match="positive"):
            RankFusion(dense, sparse).weights(None)
        return
    scaled_dense, scaled_sparse = RankFusion(dense, sparse).weights(None)
    assert max(scaled_dense, scaled_sparse) == 1.0
    assert scaled_dense * sparse == pytest.approx(scaled_sparse * dense)


def test_alpha_one_is_all_dense_and_alpha_zero_all_sparse() -> None:
    assert RankFusion().weights(1.0) == (1.0, 0.0)
    assert RankFusion().weights(0.0) == (0.0, 1.0)
    assert RankFusion(dense_weight=3.0).weights(0.5) == (1.0, 1.0)


@given(ranks, st.floats(0.05, 0.9), st.floats(0.01, 0.1))
def test_at_constant_two_a_rank_lost_costs_more_in_the_half_that_weighs_more(
    rank: int, weight: float, more: float
) -> None:
    def score(rank: int, weight: float) -> float:
        return 1 / (rank / weight + RankFusion(rank_constant=2).rank_constant - 1)

    lighter = score(rank, weight) - score(rank + 1, weight)
    heavier = score(rank, weight + more) - score(rank + 1, weight + more)
    assert heavier > lighter
