from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.response.schema import Response
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import QueryBundle

from corpus.text.sentences import sentence_spans
from service.answering.citations import Citation
from service.answering.events import (
    NOT_FOUND_SENTENCE,
    AnswerDone,
    AnswerEvent,
    CitationMade,
    CitedResponse,
    TextPiece,
)
from service.answering.evidence import ENOUGH, HOPELESS, Evidence, is_enough, is_hopeless
from service.answering.passages import Passage
from service.answering.quoting.candidates import Candidate, candidates
from service.answering.quoting.extractive import (
    EXTRACTIVE_MODEL,
    ExtractiveSynthesizer,
    without_source_notes,
)
from service.answering.quoting.sentence_ranking import (
    MAX_SENTENCES,
    RankedSentence,
    choose,
    rank_sentences,
)
from service.answering.quoting.weighing import weigh
from service.retrieval.context_ranking import RankedInContext
from service.retrieval.live_nodes import LiveNodesOnly
from service.retrieval.retriever import HybridRetriever
from service.wording.words import content_words
from tests.doubles.word_embedding import WordEmbedding
from tests.samples.corpus import (
    PATENTS,
    REVENUE,
    STAFF,
    filled_store,
    passages_of,
    small_corpus,
)

prose = st.lists(
    st.sampled_from(["Revenue", "of Acme", "was 1,250 dollars", "in Oslo", ". ", "\n", "\n\n"]),
    max_size=20,
).map(" ".join)


def engine(*, live: dict[str, int]) -> RetrieverQueryEngine:
    retriever = HybridRetriever(
        filled_store(small_corpus()),
        WordEmbedding(),
        collection="default",
        live_versions=lambda _ids: live,
        top_k=3,
    )
    synthesizer = ExtractiveSynthesizer(WordEmbedding())
    return RetrieverQueryEngine(
        retriever=retriever,
        node_postprocessors=[LiveNodesOnly(lambda _ids: live), RankedInContext(top_k=3)],
        response_synthesizer=synthesizer,
        callback_manager=synthesizer.callback_manager,
    )


async def ask(question: str, live: dict[str, int]) -> list[AnswerEvent]:
    response = await engine(live=live).aquery(QueryBundle(question))
    assert isinstance(response, CitedResponse)
    return [event async for event in response.events()]


def answer(question: str, live: dict[str, int] | None = None) -> AnswerDone:
    events = asyncio.run(ask(question, live if live is not None else {"acme": 1, "globex": 1}))
    done = events[-1]
    assert isinstance(done, AnswerDone)
    return done


def test_an_answer_quotes_the_best_sentence_with_its_place() -> None:
    done = answer("What was the revenue of Acme in 2023?")
    assert done.state == "answered"
    assert done.model == EXTRACTIVE_MODEL
    assert done.answer.startswith("Revenue of Acme was 1,250 million dollars in 2023. [1]")
    first = done.citations[0]
    quote = "Revenue of Acme was 1,250 million dollars\nin 2023."
    assert first == Citation(
        id=1,
        document_id="acme",
        filename="acme.pdf",
        page=1,
        quote=quote,
        start_char=REVENUE.index(quote),
        end_char=REVENUE.index(quote) + len(quote),
        score=first.score,
        supported=True,
        created_at="2024-01-01T00:00:00Z",
    )


def test_offsets_count_in_the_document_and_not_in_the_chunk() -> None:
    (citation, *_) = answer("When did the Kyoto laboratory of Globex open?").citations
    assert (citation.document_id, citation.page) == ("globex", 5)
    assert citation.start_char == 900 + PATENTS.index("Its laboratory")
    assert citation.end_char == 900 + len(PATENTS)


def test_a_dead_document_is_never_quoted() -> None:
    question = "How many patents on turbines does Globex hold?"
    assert answer(question).citations[0].document_id == "globex"
    for live in ({"acme": 1}, {"acme": 1, "globex": 2}):
        done = answer(question, live)
        assert "globex" not in {citation.document_id for citation in done.citations}
        assert "77" not in done.answer


def test_what_no_document_says_is_not_in_the_documents() -> None:
    for live in ({"acme": 1, "globex": 1}, {}):
        done = answer("Which pigeon won the Tour de France bicycle race?", live)
        assert (done.state, done.answer) == ("not_in_documents", NOT_FOUND_SENTENCE)
        assert (done.citations, done.nearest) == ((), ())


def test_what_comes_closest_is_offered_where_nothing_answers() -> None:
    done = answer("What was the revenue of Initech in 2023?")
    assert done.state == "not_in_documents"
    assert done.citations == ()
    assert "Revenue of Acme" in done.nearest[0].quote
    assert not any(citation.supported for citation in done.nearest)


def test_the_pieces_joined_are_the_answer_and_each_citation_follows_its_number() -> None:
    question = "Acme revenue 2023, people in nine countries, headquarters in Oslo"
    events = asyncio.run(ask(question, {"acme": 1, "globex": 1}))
    done = events[-1]
    assert isinstance(done, AnswerDone)
    shown = ""
    for event in events[:-1]:
        if isinstance(event, TextPiece):
            shown += event.text
        elif isinstance(event, CitationMade):
            assert shown.endswith(f"[{event.citation.id}]")
    assert shown == done.answer
    assert len(done.citations) > 1


def test_stock_llamaindex_reads_the_same_answer() -> None:
    async def read() -> str:
        response = await engine(live={"acme": 1}).aquery("How many people does Acme employ?")
        assert isinstance(response, CitedResponse)
        return (await response.get_response()).response or ""

    assert asyncio.run(read()).startswith("Acme employs 4,200 people in nine countries. [1]")


def test_the_sync_path_gives_the_finished_answer() -> None:
    response = engine(live={"acme": 1}).query("How many people does Acme employ?")
    assert isinstance(response, Response)
    assert str(response).startswith("Acme employs 4,200 people in nine countries. [1]")
    assert response.metadata is not None
    assert response.metadata["state"] == "answered"
    assert response.metadata["citations"][0].document_id == "acme"


@given(prose, prose, st.integers(1, 5))
def test_candidates_are_verbatim_distinct_and_bounded(one: str, other: str, limit: int) -> None:
    found = candidates("What was the revenue of Acme?", passages_of(one, other), limit=limit)
    assert len(found) <= limit
    assert [c.lexical for c in found] == sorted((c.lexical for c in found), reverse=True)
    assert len({candidate.text.casefold() for candidate in found}) == len(found)
    for candidate in found:
        assert (candidate.start, candidate.end) in sentence_spans(candidate.passage.text)


def test_headings_and_cells_are_no_candidates() -> None:
    found = candidates(
        "results", passages_of("Results\n\n1,250\n\nThe results were good."), limit=9
    )
    assert [candidate.text for candidate in found] == ["The results were good."]


def texts_of(question: str, *texts: str) -> list[str]:
    """The candidates' texts; the passages' titles are D1, D2 and so on."""
    return [candidate.text for candidate in candidates(question, passages_of(*texts), limit=9)]


def test_the_title_and_the_headings_are_no_candidates() -> None:
    (passage,) = passages_of("Skerry Point Lighthouse\n\nThe lamp was lit in 1868.")
    named = replace(passage, title="Skerry Point", heading_path="Handbook > The lighthouse")
    found = candidates("Who built the lighthouse?", [named], limit=9)
    assert [candidate.text for candidate in found] == ["The lamp was lit in 1868."]


def test_a_line_that_only_repeats_the_question_is_no_candidate() -> None:
    for line in ("Annual revenue of Acme", "What is the annual revenue of Acme?"):
        assert texts_of("What was the annual revenue of Acme?", f"{line}\n\nIt fell by 2 %.") == [
            "It fell by 2 %."
        ]


def test_a_sentence_with_all_words_of_the_question_answers_it() -> None:
    assert texts_of("Did Acme buy Globex?", "Acme did buy Globex.") == ["Acme did buy Globex."]


def test_a_row_of_a_table_answers_as_well_as_a_sentence() -> None:
    row, sentence = "Lamp oil 1,200 litres", "Lamp oil keeps for years."
    found = candidates("How much lamp oil is kept?", passages_of(f"{sentence}\n\n{row}"), limit=9)
    assert {candidate.text: candidate.weight for candidate in found} == {row: 1.0, sentence: 1.0}
    (other, *_) = candidates("Who sells oil of whales by the barrel?", passages_of(row), limit=9)
    assert other.weight < 1.0


def test_of_rows_alike_the_one_that_the_question_names_answers_it() -> None:
    rows = [f"ST-{n} | Oban | {n * 7} | Crew {n % 9}" for n in range(1000, 1080)]
    parts = passages_of(*("\n".join(rows[at : at + 20]) for at in range(0, 80, 20)))
    header = "Code | Station | Height (cm) | Keeper"
    passages = [replace(passage, table_header=header) for passage in parts]
    question = "What is the height in cm of station code ST-1077?"
    best, *_ = candidates(question, passages, limit=4)
    assert best.text == rows[77]


def test_a_sentence_goes_before_a_line_with_the_same_words() -> None:
    for line in ("PEPSICO, INC., as Borrower,", "Date: May 30, 2023 PepsiCo, Inc."):
        sentence = "The chief executive of PepsiCo is Ramon Laguarta."
        shown = chosen("Who signed for PepsiCo?", passages_of(f"{line}\n\n{sentence}"))
        assert shown[0] == sentence


def chosen(question: str, passages: list[Passage]) -> list[str]:
    ranked = rank_sentences(QueryBundle(question), passages, WordEmbedding())
    return [sentence.candidate.text for sentence in choose(ranked)]


def test_sentences_that_say_the_same_are_shown_once() -> None:
    same = ["Acme employs 4,200 people in Oslo.", "In Oslo, Acme employs 4,200 people!"]
    assert len(chosen("How many people does Acme employ in Oslo?", passages_of(*same))) == 1


def test_a_much_weaker_sentence_is_not_added() -> None:
    shown = chosen("How many patents does Globex hold?", passages_of(PATENTS, STAFF))
    assert shown == ["Globex holds 77 patents on turbines."]


@pytest.mark.parametrize(
    ("titles", "texts", "newer_first"),
    [
        (("Fees 1", "Fees 2"), ("The deposit is 50 dollars.", "The deposit is 80 dollars."), True),
        (("Acme", "Globex"), ("The deposit is 50 dollars.", "The deposit is 80 dollars."), False),
        (("Fees", "Fees"), ("In 2022 it was 50 dollars.", "In 2021 it was 80 dollars."), False),
    ],
)
def test_of_two_editions_that_differ_in_a_figure_the_newer_one_comes_first(
    titles: tuple[str, str], texts: tuple[str, str], newer_first: bool
) -> None:
    old, new = (
        replace(passage, title=title, created_at=f"20{year}-01-01T00:00:00Z")
        for passage, title, year in zip(passages_of(*texts), titles, (20, 21), strict=True)
    )
    ranked = [
        RankedSentence(Candidate(one, 0, len(one.text), frozenset(content_words(one.text))), s, s)
        for one, s in ((old, 0.9), (new, 0.8))
    ]
    assert (choose(ranked)[0].candidate.passage is new) == newer_first


@given(st.lists(prose, max_size=4))
def test_at_most_three_sentences_are_shown_best_first(texts: list[str]) -> None:
    ranked = rank_sentences(QueryBundle("Revenue of Acme"), passages_of(*texts), WordEmbedding())
    shown = choose(ranked)
    assert len(shown) == min(len(shown), MAX_SENTENCES)
    assert shown[:1] == ranked[:1]
    assert [s.score for s in shown] == sorted((s.score for s in shown), reverse=True)


def test_evidence_is_the_best_sentences_closeness_and_its_passages_coverage() -> None:
    question = "How many patents on turbines does Globex hold?"
    passages = passages_of(PATENTS)
    ranked = rank_sentences(QueryBundle(question), passages, WordEmbedding())
    evidence = weigh(question, passages, ranked, None)
    assert evidence.closeness == ranked[0].closeness
    assert evidence.coverage == 1.0
    assert not evidence.is_of_others
    assert not is_enough(weigh(question, passages, [], None))


def test_evidence_between_the_thresholds_is_for_a_model_only() -> None:
    middle = Evidence(closeness=(ENOUGH + HOPELESS) / 2, coverage=0.0)
    assert not is_enough(middle)
    assert not is_hopeless(middle)
    assert is_enough(Evidence(closeness=ENOUGH, coverage=0.0))
    assert is_hopeless(Evidence(closeness=0.3, coverage=0.3))


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("He was born on 26 June 1968,[1] and left.", "He was born on 26 June 1968, and left."),
        ("[17] His chances [2, 3] were slim.[4-6]", "His chances were slim."),
        ("The array a[i] holds [sic] 4 values.", "The array a[i] holds [sic] 4 values."),
    ],
)
def test_notes_of_the_source_are_not_shown_as_if_they_were_citations(
    sentence: str, shown: str
) -> None:
    assert without_source_notes(sentence) == shown
