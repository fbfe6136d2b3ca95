from __future__ import annotations

from service.answering.evidence import Evidence
from service.asking.trace import SearchedFor, Trace, WeighedEvidence

TRACE = Trace(
    top_k=8,
    filters={},
    persona=None,
    searched_for=SearchedFor(plain="What does it weigh?", related=[]),
    stages=[],
    evidence=WeighedEvidence.of(Evidence(closeness=0.5, coverage=0.5)),
    prompt=[],
    timings_ms={"total": 1.0},
)


def test_it_says_later_what_was_decided_then() -> None:
    kept = TRACE.model_dump(mode="json")
    kept["evidence"] |= {"strength": 0.31, "threshold": 0.42}
    read = Trace.read(kept)
    assert read is not None
    assert read.evidence is not None
    assert (read.evidence.strength, read.evidence.threshold) == (0.31, 0.42)


def test_a_trace_of_an_earlier_version_is_read() -> None:
    kept = TRACE.model_dump(mode="json")
    del kept["persona"]
    kept["evidence"] = {
        "closeness": 0.5,
        "coverage": 0.5,
        "is_of_others": False,
        "is_foreign": False,
    }
    kept["prompt"] = [["system", "Answer."], ["user", "Why?"]]
    read = Trace.read(kept)
    assert read is not None
    assert read.evidence == TRACE.evidence
    assert [one.content for one in read.prompt] == ["Answer.", "Why?"]


def test_what_cannot_be_read_is_no_trace() -> None:
    assert Trace.read({"top_k": 8, "stages": "none"}) is None
    assert Trace.read(None) is None
