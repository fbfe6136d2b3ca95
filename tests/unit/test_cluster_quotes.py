"""What `bench.cluster` takes for a wrong answer."""

from __future__ import annotations

import random
from typing import Any

from bench.chaos.ledger import Account
from bench.chaos.texts import Text, make_text
from bench.cluster.quotes import markers_in, untrue

FIRST, SECOND = (make_text(random.Random(seed)) for seed in (1, 2))


def account(text: Text, document_id: str) -> Account:
    made = Account("c")
    made.sending(text)
    made.acknowledged(text, document_id)
    return made


def cited(document_id: str, quote: str) -> dict[str, Any]:
    return {"answer": "", "citations": [{"document_id": document_id, "quote": quote}]}


def test_what_a_document_says_is_true_of_it_and_of_no_other() -> None:
    accounts = [account(FIRST, "1"), account(SECOND, "2")]
    assert list(untrue(cited("1", FIRST.lines[0]), accounts)) == []
    hit = {"hits": [{"document_id": "1", "text": FIRST.lines[0]}]}
    assert list(untrue(hit, accounts)) == []
    [said] = untrue(cited("2", FIRST.lines[0]), accounts)
    assert FIRST.marker in said


def test_a_sentence_that_no_document_says_is_untrue() -> None:
    garbled = FIRST.lines[0].replace("on day ", "on day 9")
    [said] = untrue(cited("1", garbled), [account(FIRST, "1")])
    assert "no document says" in said


def test_a_deleted_document_is_not_to_be_quoted_and_one_that_may_be_deleted_may() -> None:
    deleted = account(FIRST, "1")
    deleted.deleting()
    assert list(untrue(cited("1", FIRST.lines[0]), [deleted])) == []
    deleted.deleted()
    assert any("deletion" in said for said in untrue(cited("1", FIRST.lines[0]), [deleted]))


def test_a_replaced_text_may_be_quoted_until_the_next_one_is_ready() -> None:
    replaced = account(FIRST, "1")
    replaced.sending(SECOND)
    replaced.acknowledged(SECOND, "1")
    assert list(untrue(cited("1", FIRST.lines[0]), [replaced])) == []


def test_markers_are_found_wherever_something_is_told() -> None:
    said = {**cited("1", FIRST.lines[0]), "answer": SECOND.lines[0]}
    assert markers_in(said) == {FIRST.marker, SECOND.marker}
    assert markers_in({"hits": [{"document_id": "1", "text": FIRST.marker}]}) == {FIRST.marker}
    assert markers_in({}, [SECOND.marker]) == {SECOND.marker}
