from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpus.values import Status
from ingestion.pipeline.pace import Pace

STAGES = st.sampled_from([Status.PARSING, Status.EMBEDDING, Status.INDEXING])


def test_nothing_is_said_before_the_size_is_known() -> None:
    assert Pace().eta_s(Status.PARSING, 0, 0, 5.0) is None


def test_what_is_done_of_a_stage_tells_how_long_the_rest_takes() -> None:
    assert Pace(chunk_s=99.0).eta_s(Status.EMBEDDING, 100, 400, 5.0) == 15


def test_at_the_beginning_of_a_stage_the_documents_before_tell() -> None:
    assert Pace(chunk_s=0.5).eta_s(Status.EMBEDDING, 0, 10, 0.0) == 5


def test_parsing_reckons_with_the_embedding_to_come() -> None:
    pace = Pace(page_s=0.5, chunk_s=1.0, chunks_per_page=2.0)
    assert pace.eta_s(Status.PARSING, 0, 10, 0.0) == 25


def test_a_slower_machine_is_noticed_within_a_few_documents() -> None:
    pace = Pace(chunk_s=0.05)
    for _ in range(10):
        pace.learn_embedding(100, 50.0)
    assert 0.45 < pace.chunk_s <= 0.5


def test_empty_documents_teach_nothing() -> None:
    pace = Pace()
    pace.learn_parsing(0, 9.0, 0)
    pace.learn_embedding(0, 9.0)
    assert pace == Pace()


@given(STAGES, st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0, 1e6))
def test_an_estimate_is_never_negative(stage: Status, done: int, more: int, spent_s: float) -> None:
    eta_s = Pace().eta_s(stage, done, done + more, spent_s)
    assert eta_s is None or eta_s >= 0
