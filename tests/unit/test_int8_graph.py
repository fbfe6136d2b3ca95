"""The arithmetic by which products are rounded to integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from corpus.embedding.bert_graph import Place
from corpus.embedding.int8_graph import (
    LARGEST_WEIGHT,
    NARROW_LIMIT,
    activation_scale,
    measured_ranges,
    quantised_kernel,
    smoothing,
)

FINITE = st.floats(-100, 100, width=32)
KERNELS = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=FINITE
)


def test_two_products_fit_into_the_sixteen_bits_that_avx2_has_for_them() -> None:
    assert np.iinfo(np.int16).max >= 2 * 255 * LARGEST_WEIGHT


@given(KERNELS)
def test_a_kernel_comes_back_within_half_a_step_of_each_column(kernel: np.ndarray) -> None:
    weights, scales = quantised_kernel(kernel)
    assert weights.dtype == np.int8
    assert np.abs(weights).max() <= LARGEST_WEIGHT
    assert np.all(np.abs(weights * scales - kernel) <= scales * 0.5001)


@given(FINITE, FINITE)
def test_the_range_fits_and_zero_stays_zero(one: float, two: float) -> None:
    low, high = min(one, two), max(one, two)
    scale, zero = activation_scale(low, high)
    for value in (low, high):
        assert 0 <= round(value / float(scale)) + int(zero) <= 255
    assert scale > 0


@pytest.mark.parametrize("place", ["qkv", "mixed", "wide", "narrow"])
@given(KERNELS, st.data())
def test_smoothing_only_scales_and_tames_what_is_large(
    place: Place, kernel: np.ndarray, data: st.DataObject
) -> None:
    largest = data.draw(hnp.arrays(np.float32, len(kernel), elements=st.floats(0, 100, width=32)))
    factors = smoothing(place, largest, kernel)
    assert factors.shape == (len(kernel),)
    assert np.all(factors > 0)
    assert np.all(np.isfinite(factors))
    if place == "narrow":
        assert np.all(largest / factors <= NARROW_LIMIT * 1.0001)


def test_the_measured_ranges_are_those_of_every_channel() -> None:
    shapes = {place: ranges.shape for place, ranges in measured_ranges().items()}
    hidden, wide = (6, 2, 384), (6, 2, 1536)
    assert shapes == {"qkv": hidden, "mixed": hidden, "wide": hidden, "narrow": wide}
    assert all(np.all(low <= high) for r in measured_ranges().values() for low, high in r)
