from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.citations import is_supported, make_citation, overlap, quote_for
from service.wording.words import content_words, numbers
from tests.samples.corpus import REVENUE, passages_of

prose = st.lists(
    st.sampled_from(["Revenue", "grew", "fell", "12", "1,250", "in", "Oslo", ".", "!", "\n"]),
    max_size=30,
).map(" ".join)


@given(prose, prose)
def test_a_quote_is_verbatim_and_its_offsets_are_those_of_the_document(
    sentence: str, text: str
) -> None:
    (passage,) = passages_of(text)
    span = quote_for(sentence, passage)
    citation = make_citation(1, passage, span, score=0.4, supported=True)
    assert citation.quote == text[citation.start_char - 100 : citation.end_char - 100]
    assert citation.quote == citation.quote.strip() or not text.strip()


@given(prose)
def test_a_sentence_supports_itself(sentence: str) -> None:
    assert overlap(sentence, sentence) == (1.0 if content_words(sentence) else 0.0)
    assert is_supported(sentence, sentence) == bool(content_words(sentence))


@given(prose, prose)
def test_more_text_never_takes_support_away(sentence: str, text: str) -> None:
    if is_supported(sentence, text):
        assert is_supported(sentence, f"{text} and more words 99")


def test_the_quote_is_the_sentence_that_shares_most_words() -> None:
    (passage,) = passages_of(REVENUE)
    start, end = quote_for("Acme's revenue reached 1250 million in 2023.", passage)
    assert REVENUE[start:end] == "Revenue of Acme was 1,250 million dollars\nin 2023."


def test_a_shared_number_outweighs_a_shared_word() -> None:
    (passage,) = passages_of("The growth was strong abroad. It came to 12 percent.")
    start, end = quote_for("Growth was 12.", passage)
    assert passage.text[start:end] == "It came to 12 percent."


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [
        ("Revenue was 1250 million dollars in 2023.", True),
        ("In 2023 Acme's revenues were 1,250 million.", True),
        ("Revenue was 1,350 million dollars in 2023.", False),
        ("Revenue was 1,250 million dollars in 2022.", False),
        ("The chief executive resigned over a scandal.", False),
        ("", False),
    ],
)
def test_support_takes_every_number_and_half_of_the_words(sentence: str, supported: bool) -> None:
    assert is_supported(sentence, REVENUE) is supported


POLICY = (
    "The Harbour Office does not refund tickets after departure. Fees rose by 4 percent in 2023. "
    "Dogs travel free of charge. The painter was D'Angelo of Rome. The ferry carries 24 people and "
    "does not sail at night."
)


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [
        ("The Harbour Office does not refund tickets after departure.", True),
        ("Tickets aren't refunded by the Harbour Office after departure.", True),
        ("The Harbour Office refunds tickets after departure.", False),
        ("Fees grew by 4 percent in 2023.", True),
        ("Fees fell by 4 percent in 2023.", False),
        ("Dogs do not travel free of charge.", False),
        ("Dogs of Amazon travel free of charge.", False),
        ("- Dogs travel free.", True),
        ("The painter was D'Angelo of Rome.", True),
        ("A painter was D'Angelo of Rome.", True),
        ("The ferry carries 24 people.", True),
    ],
)
def test_the_opposite_and_other_names_are_not_supported(sentence: str, supported: bool) -> None:
    assert is_supported(sentence, POLICY) is supported


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [("Hunde fahren kostenlos mit.", True), ("Hunde fahren nicht kostenlos mit.", False)],
)
def test_german_negations_are_seen_and_its_nouns_are_no_names(
    sentence: str, supported: bool
) -> None:
    assert is_supported(sentence, "Die Hunde fahren immer kostenlos mit.") is supported


def test_a_score_outside_the_range_is_clipped() -> None:
    (passage,) = passages_of(REVENUE)
    assert make_citation(1, passage, (0, 7), score=-0.2, supported=True).score == 0.0
    assert make_citation(1, passage, (0, 7), score=1.0000001, supported=True).score == 1.0


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("1,577.5", "1577.5"),
        ("1.577.500", "1577500"),
        ("1'577", "1577"),
        ("3,5", "3.5"),
        ("3.5", "3.5"),
        ("2.577", "2.577"),
        ("1.577.500,25", "1577500.25"),
        ("1998", "1998"),
    ],
)
def test_numbers_are_compared_without_their_separators(written: str, plain: str) -> None:
    assert numbers(f"about {written} people") == {plain}


@given(st.integers(0, 10**12))
def test_a_grouped_number_equals_the_bare_one(value: int) -> None:
    assert numbers(f"{value:,}") == numbers(str(value)) == {str(value)}


def test_words_are_folded_and_function_words_left_out() -> None:
    assert content_words("The companies' Revenues, and Zürich") == ["company", "revenu", "zurich"]
    assert content_words("revenue") == content_words("Revenues")
    assert content_words("東京都") == ["東京", "京都"]
    assert content_words("who is the") == []


@given(st.text())
def test_any_text_has_words_and_its_numbers_are_among_them(text: str) -> None:
    assert numbers(text) <= set(content_words(text))
