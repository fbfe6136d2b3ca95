from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.answering.citations import Citation
from service.answering.events import CitationMade, TextPiece
from service.answering.writing.draft import Draft
from tests.samples.corpus import PATENTS, REVENUE, STAFF, passages_of

PASSAGES = passages_of(REVENUE, STAFF, PATENTS)

replies = st.lists(
    st.sampled_from(
        [
            "Revenue was 1,250 million dollars in 2023",
            "Acme employs 4,200 people",
            "NOT_IN_",
            "DOCUMENTS",
            " [1]",
            "[2, 3]",
            " [9]",
            ". ",
            "\n\n",
            "a[i]",
            "[",
        ]
    ),
    max_size=10,
).map("".join)
splits = st.lists(st.integers(0, 120), max_size=10)


def write(pieces: list[str]) -> tuple[Draft, str, list[Citation]]:
    draft = Draft(PASSAGES)
    events = [event for piece in pieces for event in draft.feed(piece)]
    events += draft.finish()
    text = "".join(event.text for event in events if isinstance(event, TextPiece))
    return draft, text, [event.citation for event in events if isinstance(event, CitationMade)]


def cut(text: str, at: list[int]) -> list[str]:
    places = [0, *sorted(place for place in at if place <= len(text)), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


@given(replies, splits)
def test_how_the_reply_is_split_changes_nothing(reply: str, at: list[int]) -> None:
    draft, text, citations = write(cut(reply, at))
    whole, whole_text, whole_citations = write([reply])
    assert (text, citations, draft.state()) == (whole_text, whole_citations, whole.state())


@given(replies, splits)
def test_pieces_joined_are_the_answer_and_citations_are_numbered_as_they_come(
    reply: str, at: list[int]
) -> None:
    draft, text, citations = write(cut(reply, at))
    assert text == draft.answer == text.strip()
    assert tuple(citations) == draft.citations
    assert [citation.id for citation in citations] == list(range(1, len(citations) + 1))
    assert all(f"[{citation.id}]" in text for citation in citations)
    assert "[9]" not in text


def test_the_models_numbers_become_ours_in_the_order_of_use() -> None:
    _, text, citations = write(
        ["Globex holds 77 patents [3]. Acme employs 4,200 people [2]. Globex holds 77 patents [3]."]
    )
    assert text == (
        "Globex holds 77 patents [1]. Acme employs 4,200 people [2]. Globex holds 77 patents [1]."
    )
    assert [citation.document_id for citation in citations] == ["d3", "d2"]
    assert citations[0].quote == "Globex holds 77 patents on turbines."
    assert citations[0].start_char == 100


def test_two_quotes_of_one_passage_are_two_citations() -> None:
    _, text, citations = write(["Acme employs 4,200 people [2]. Headquarters are in Oslo.[2]"])
    assert text == "Acme employs 4,200 people [1]. Headquarters are in Oslo.[2]"
    assert citations[1].quote == "The headquarters are in Oslo."


def test_a_marker_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    draft, _, citations = write(["Acme employs 4,200 people. [2] Globex holds 77 patents. [3]"])
    assert [citation.supported for citation in citations] == [True, True]
    assert draft.state() == "answered"


def test_an_answer_is_answered_when_every_sentence_is_cited_and_supported() -> None:
    assert write(["Revenue was 1,250 million dollars in 2023 [1]."])[0].state() == "answered"


def test_a_wrong_figure_makes_the_citation_unsupported_and_the_answer_partial() -> None:
    draft, _, citations = write(["Revenue was 1,999 million dollars in 2023 [1]."])
    assert citations[0].supported is False
    assert draft.state() == "partial"


def test_an_uncited_sentence_makes_the_answer_partial() -> None:
    draft, _, _ = write(["Acme employs 4,200 people [2]. It is the market leader in Europe."])
    assert draft.state() == "partial"


def test_the_sentences_that_nothing_carries_are_named() -> None:
    draft, text, _ = write(
        ["Acme employs 4,200 people [2]. It leads the market [2] in Europe and Asia. ", "Oslo."]
    )
    (named,) = draft.unsupported
    assert named.text == "It leads the market in Europe and Asia."
    assert text[named.start : named.end] == "It leads the market [2] in Europe and Asia."


@given(replies, splits)
def test_what_is_named_stands_in_the_answer(reply: str, at: list[int]) -> None:
    draft, text, _ = write(cut(reply, at))
    named = draft.unsupported
    assert all(without_markers(text[one.start : one.end]) == letters(one.text) for one in named)
    assert [one.start for one in named] == sorted(one.start for one in named)


def without_markers(text: str) -> str:
    return letters(re.sub(r"\[\d+\]", "", text))


def letters(text: str) -> str:
    return "".join(text.split())


def test_an_answer_without_any_marker_is_partial() -> None:
    assert write(["Oslo."])[0].state() == "partial"


def test_a_sentence_that_two_passages_carry_together_is_grounded() -> None:
    draft, _, _ = write(["Acme employs 4,200 people and Globex holds 77 patents [2][3]."])
    assert draft.state() == "answered"


def test_a_phrase_that_claims_nothing_needs_no_marker() -> None:
    assert write(["Here it is:\n\nAcme employs 4,200 people [2]."])[0].state() == "answered"


def test_the_sentinel_ends_the_draft_however_it_is_dressed() -> None:
    for reply in ("NOT_IN_DOCUMENTS", " **NOT_IN_DOCUMENTS**\nbecause", "`NOT_IN_DOCUMENT`"):
        draft, text, _ = write(list(reply))
        assert text == ""
        assert draft.state() == "not_in_documents"


def test_text_comes_out_as_soon_as_it_cannot_be_the_sentinel() -> None:
    draft = Draft(PASSAGES)
    assert list(draft.feed("NOT")) == []
    assert list(draft.feed("E")) == [TextPiece("NOTE")]
    assert list(draft.feed(" that")) == [TextPiece(" that")]
