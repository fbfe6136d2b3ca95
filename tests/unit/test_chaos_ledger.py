from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bench.chaos.ledger import Account, Listed, discrepancies
from bench.chaos.service import said_in
from bench.chaos.texts import Text, make_text

FIRST, SECOND = make_text(random.Random(1)), make_text(random.Random(2))


def accepted(text: Text = FIRST, document_id: str = "a") -> Account:
    account = Account("c")
    account.sending(text, 1)
    account.acknowledged(text, document_id, 1)
    return account


def as_listed(text: Text = FIRST, document_id: str = "a", round_: int = 1) -> Listed:
    return Listed(document_id, text.sha256, round_)


def test_what_was_acknowledged_and_is_there_fits() -> None:
    assert discrepancies([accepted()], [as_listed()]) == []


def test_an_acknowledged_document_that_is_not_there_is_lost() -> None:
    (problem,) = discrepancies([accepted()], [])
    assert problem.startswith("lost")


def test_a_document_that_is_there_twice_is_doubled() -> None:
    (problem,) = discrepancies([accepted()], [as_listed(), as_listed(document_id="b")])
    assert problem.startswith("doubled")


def test_a_deleted_document_that_is_there_is_stale() -> None:
    account = accepted()
    account.deleting()
    account.deleted()
    (problem,) = discrepancies([account], [as_listed()])
    assert problem.startswith("stale")


def test_bytes_that_were_replaced_are_stale() -> None:
    account = accepted()
    account.sending(SECOND)
    account.acknowledged(SECOND, "a")
    assert account.superseded == {FIRST}
    (problem,) = discrepancies([account], [as_listed(FIRST)])
    assert problem.startswith("stale")


def test_another_id_than_the_acknowledged_one_is_told() -> None:
    (problem,) = discrepancies([accepted()], [as_listed(document_id="b")])
    assert problem.startswith("other id")


def test_metadata_that_nobody_sent_is_told() -> None:
    (problem,) = discrepancies([accepted()], [as_listed(round_=9)])
    assert problem.startswith("metadata")


def test_bytes_that_nobody_sent_are_told() -> None:
    (problem,) = discrepancies([accepted()], [as_listed(), as_listed(SECOND, "z")])
    assert problem.startswith("unknown")


def test_a_text_that_was_refused_must_not_be_there() -> None:
    account = accepted()
    account.sending(SECOND)
    account.refused(SECOND)
    assert account.settled
    (problem,) = discrepancies([account], [as_listed(), as_listed(SECOND, "b")])
    assert problem.startswith("unknown")


def test_an_operation_without_an_answer_may_have_happened_or_not() -> None:
    replaced, deleted, sent = accepted(), accepted(SECOND, "b"), Account("c")
    third, fourth = make_text(random.Random(3)), make_text(random.Random(4))
    replaced.sending(third)
    deleted.deleting()
    sent.sending(fourth)
    accounts = [replaced, deleted, sent]
    assert discrepancies(accounts, [as_listed(), as_listed(SECOND, "b")]) == []
    assert discrepancies(accounts, [as_listed(third), as_listed(fourth, "d")]) == []


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8), st.integers(0, 99))
def test_any_possible_state_of_every_account_fits(
    outcomes: list[tuple[bool, bool]], seed: int
) -> None:
    rng = random.Random(seed)
    accounts, listed = [], []
    for number, (answered, arrived) in enumerate(outcomes):
        text = make_text(rng)
        account = Account("c")
        account.sending(text)
        if answered:
            account.acknowledged(text, str(number))
        if answered or arrived:
            listed.append(Listed(str(number), text.sha256, None))
        accounts.append(account)
    assert discrepancies(accounts, listed) == []


def test_words_of_answers_quotes_and_hits_give_their_text_away() -> None:
    answer = {"answer": f"The {FIRST.marker} one. [1]", "citations": [{"quote": SECOND.marker}]}
    assert said_in(answer, [FIRST, SECOND]) == {FIRST, SECOND}
    assert said_in([{"text": FIRST.marker}], [FIRST, SECOND]) == {FIRST}
    assert said_in({"answer": "Not in the documents.", "citations": []}, [FIRST]) == set()
