from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bench.hostile.cases import all_cases
from bench.hostile.mutations import damaged


@given(st.binary(max_size=3_000), st.lists(st.binary(max_size=300), max_size=3), st.integers())
def test_the_same_seed_damages_in_the_same_way(data: bytes, others: list[bytes], seed: int) -> None:
    first = damaged(data, others, random.Random(seed))
    assert first == damaged(data, others, random.Random(seed))


def test_most_damages_change_the_file() -> None:
    data = bytes(range(256)) * 8
    changed = [damaged(data, [], random.Random(seed)) != data for seed in range(200)]
    assert sum(changed) > 180


def test_generated_files_have_names_of_their_own() -> None:
    names = [case.name for case in all_cases()]
    assert len(names) == len(set(names)) > 200
