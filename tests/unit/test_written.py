from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from llama_index.core.schema import QueryBundle
from pydantic import SecretStr

from corpus.settings import Settings
from lectern.server.models import open_llms
from service.answering.events import (
    NOT_FOUND_SENTENCE,
    AnswerDone,
    AnswerEvent,
    CitationMade,
    Degraded,
    TextPiece,
)
from service.answering.passages import Passage
from service.answering.quoting.extractive import EXTRACTIVE_MODEL, ExtractiveSynthesizer
from service.answering.writing.prompts import ABSTAIN
from service.answering.writing.written import WrittenSynthesizer
from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say
from tests.doubles.word_embedding import WordEmbedding
from tests.samples.corpus import PATENTS, REVENUE, STAFF, passages_of

QUESTION = "What was the revenue of Acme in 2023?"
SENTENCE = "Revenue was 1,250 million dollars in 2023"
KEY = "sk-do-not-log-me"
PATIENCE_S = 20.0


@pytest.fixture
def server() -> Iterator[ScriptedLlm]:
    with ScriptedLlm() as running:
        yield running


def written(base_url: str, *, timeout_s: float = PATIENCE_S) -> WrittenSynthesizer:
    settings = Settings(
        llm=base_url,
        llm_model=MODEL,
        llm_api_key=SecretStr(KEY),
        llm_timeout_s=timeout_s,
        llm_retries=0,
    )
    llm, _ = open_llms(settings)
    assert llm is not None
    extractive = ExtractiveSynthesizer(WordEmbedding())
    return WrittenSynthesizer(
        llm, extractive, read_pages=lambda _places: {}, timeout_s=settings.llm_timeout_s
    )


async def collect(
    synthesizer: WrittenSynthesizer, question: str, passages: Sequence[Passage]
) -> list[AnswerEvent]:
    return [event async for event in synthesizer.answer_events(QueryBundle(question), passages)]


def ask(base_url: str, question: str = QUESTION, *, timeout_s: float = PATIENCE_S) -> AnswerDone:
    """The end of an answer from three passages, after checking that the pieces make it up."""
    passages = passages_of(REVENUE, STAFF, PATENTS)
    events = asyncio.run(collect(written(base_url, timeout_s=timeout_s), question, passages))
    done = events.pop()
    assert isinstance(done, AnswerDone)
    assert done.answer == "".join(e.text for e in events if isinstance(e, TextPiece))
    assert done.citations == tuple(e.citation for e in events if isinstance(e, CitationMade))
    return done


def test_a_written_answer_is_cited_by_the_server(server: ScriptedLlm) -> None:
    server.script(say("Revenue was 1,250", " million dollars in 2023 [", "1", "]. It is [7] fine."))
    done = ask(server.base_url)
    assert done.answer == f"{SENTENCE} [1]. It is fine."
    (citation,) = done.citations
    assert (citation.id, citation.document_id, citation.supported) == (1, "d1", True)
    assert citation.quote == "Revenue of Acme was 1,250 million dollars\nin 2023."
    assert citation.start_char == 100 + REVENUE.index(citation.quote)
    assert (done.state, done.model, done.degraded) == ("answered", MODEL, ())


def test_a_question_with_half_a_character_is_asked_all_the_same(server: ScriptedLlm) -> None:
    server.script(say(f"{SENTENCE} [1]."))
    done = ask(server.base_url, f"\ud800 {QUESTION}")
    assert (done.state, done.degraded) == ("answered", ())
    assert f"\N{REPLACEMENT CHARACTER} {QUESTION}" in server.requests[0]["messages"][1]["content"]


def test_an_unsupported_claim_makes_the_answer_partial(server: ScriptedLlm) -> None:
    server.script(say("Revenue was 9,999 million dollars in 2023 [1]."))
    done = ask(server.base_url)
    assert done.state == "partial"
    assert [citation.supported for citation in done.citations] == [False]


def test_the_sentinel_becomes_the_standard_sentence(server: ScriptedLlm) -> None:
    server.script(say("NOT_IN", "_DOCU", "MENTS"))
    done = ask(server.base_url)
    assert (done.state, done.answer) == ("not_in_documents", NOT_FOUND_SENTENCE)
    assert done.citations == ()


def test_the_model_is_not_asked_without_any_evidence(server: ScriptedLlm) -> None:
    done = ask(server.base_url, "Which pigeon won the Tour de France bicycle race?")
    assert done.state == "not_in_documents"
    assert server.requests == []


def test_the_prompt_has_the_rules_and_the_passages_with_their_numbers(server: ScriptedLlm) -> None:
    ask(server.base_url)
    (request,) = server.requests
    system, user = (message["content"] for message in request["messages"])
    assert ABSTAIN in system
    assert '<passage number="2" document="D2" page="1" uploaded="2024-01-01">\n' + STAFF in user
    assert user.index(PATENTS) < user.index(QUESTION)


def test_token_counts_are_passed_on_when_the_endpoint_reports_them(server: ScriptedLlm) -> None:
    counts = {"prompt_tokens": 300, "completion_tokens": 9, "total_tokens": 309}
    server.script(Reply(pieces=(f"{SENTENCE} [1].",), usage=counts))
    assert ask(server.base_url).usage == counts


def test_a_reply_that_ends_at_a_limit_of_tokens_is_not_whole(server: ScriptedLlm) -> None:
    end = '{"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": '
    end += '[{"index": 0, "delta": {}, "finish_reason": "length"}]}'
    server.script(Reply(pieces=(f"{SENTENCE} [1]. It grew",), events=(end,)))
    done = ask(server.base_url)
    assert (done.state, done.degraded) == ("partial", (Degraded.LLM_INTERRUPTED,))


def test_an_endpoint_that_cannot_count_in_a_stream_answers_without_counts(
    server: ScriptedLlm,
) -> None:
    server.script(Reply(status=400), say(f"{SENTENCE} [1]."))
    done = ask(server.base_url)
    assert (done.state, done.usage) == ("answered", {})
    assert ["stream_options" in request for request in server.requests] == [True, False]


# Events of servers that speak another protocol, or this one wrongly.
WRONG_EVENTS = [
    '{"choices": null}',
    '{"choices": 5}',
    '{"choices": {"0": 1}}',
    '{"choices": [null]}',
    '{"choices": [{"delta": {"content": 5}}]}',
    '{"choices": [{"delta": {"role": "oracle", "content": "So"}}]}',
    '{"choices": [{"delta": {"tool_calls": 7}}]}',
    '{"detail": "the model is loading"}',
    '{"error": {"message": "out of memory"}}',
    '["an", "array"]',
    '"a string"',
    "null",
    "no JSON",
]


@pytest.mark.parametrize("event", WRONG_EVENTS)
def test_an_event_of_another_shape_is_a_failed_call(server: ScriptedLlm, event: str) -> None:
    server.script(Reply(events=(event,)))
    done = ask(server.base_url)
    assert (done.state, done.degraded) == ("answered", (Degraded.LLM_UNAVAILABLE,))
    assert done.model == EXTRACTIVE_MODEL
    server.script(Reply(pieces=(f"{SENTENCE} [1]",), events=(event,)))
    done = ask(server.base_url)
    assert (done.state, done.degraded) == ("partial", (Degraded.LLM_INTERRUPTED,))
    assert done.answer == f"{SENTENCE} [1]"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=400),
        Reply(status=401),
        Reply(status=429),
        Reply(hang_up=True),
        Reply(pieces=("NOT",), hang_up=True),
        Reply(body=b"<html>a proxy's page</html>"),
        say(),
        say("", " \n"),
    ],
    ids=str,
)
def test_an_llm_that_says_nothing_is_replaced_by_quotes(server: ScriptedLlm, reply: Reply) -> None:
    server.script(reply)
    done = ask(server.base_url)
    assert done.degraded == (Degraded.LLM_UNAVAILABLE,)
    assert (done.state, done.model) == ("answered", EXTRACTIVE_MODEL)
    assert done.answer.startswith("Revenue of Acme was 1,250 million dollars in 2023. [1]")


def test_an_llm_that_is_not_there_or_too_slow_is_replaced_by_quotes(server: ScriptedLlm) -> None:
    with ScriptedLlm() as gone:
        nobody = gone.base_url
    assert ask(nobody).degraded == (Degraded.LLM_UNAVAILABLE,)
    server.script(Reply(stall=True))
    assert ask(server.base_url, timeout_s=0.2).degraded == (Degraded.LLM_UNAVAILABLE,)


def test_a_silent_llm_is_asked_once(server: ScriptedLlm) -> None:
    server.script(Reply(silent=True))
    assert ask(server.base_url, timeout_s=1.5).degraded == (Degraded.LLM_UNAVAILABLE,)
    assert len(server.requests) == 1


def test_the_timeout_ends_a_call_that_never_pauses_for_so_long(server: ScriptedLlm) -> None:
    drip = ("",) * 40
    server.script(Reply(pieces=(*drip, f"{SENTENCE} [1]."), pause_s=0.05))
    assert ask(server.base_url, timeout_s=1.0).degraded == (Degraded.LLM_UNAVAILABLE,)
    server.script(Reply(pieces=(f"{SENTENCE} [1].", *drip), pause_s=0.05))
    done = ask(server.base_url, timeout_s=1.0)
    assert (done.state, done.degraded) == ("partial", (Degraded.LLM_INTERRUPTED,))
    assert done.answer == f"{SENTENCE} [1]."


def test_what_was_said_before_the_llm_broke_off_stays_as_a_partial_answer(
    server: ScriptedLlm,
) -> None:
    server.script(Reply(pieces=(f"{SENTENCE} [1]. And", " then ["), hang_up=True))
    done = ask(server.base_url)
    assert done.answer == f"{SENTENCE} [1]. And then ["
    assert (done.state, done.degraded) == ("partial", (Degraded.LLM_INTERRUPTED,))
    assert len(done.citations) == 1


def test_a_failed_call_logs_neither_the_key_nor_the_question(
    server: ScriptedLlm, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(Reply(status=401))
    with caplog.at_level(logging.DEBUG, logger="service"):
        ask(server.base_url)
    assert "AuthenticationError 401" in caplog.text
    assert KEY not in caplog.text
    assert QUESTION not in caplog.text


def test_text_is_passed_on_before_the_reply_has_ended(server: ScriptedLlm) -> None:
    server.script(Reply(pieces=("Revenue was",), stall=True))

    async def first() -> AnswerEvent:
        events = written(server.base_url).answer_events(QueryBundle(QUESTION), passages_of(REVENUE))
        event = await anext(events)
        await events.aclose()
        return event

    assert asyncio.run(first()) == TextPiece("Revenue was")


def test_closing_the_events_stops_the_call(server: ScriptedLlm) -> None:
    server.script(Reply(pieces=("Revenue was",), stall=True))

    async def leave() -> bool:
        events = written(server.base_url).answer_events(QueryBundle(QUESTION), passages_of(REVENUE))
        await anext(events)
        await events.aclose()
        return await asyncio.to_thread(server.wait_until_client_left, PATIENCE_S)

    assert asyncio.run(leave())


def test_a_cancelled_reader_stops_the_call(server: ScriptedLlm) -> None:
    server.script(Reply(pieces=("Revenue was",), stall=True))
    has_begun = threading.Event()

    async def read() -> None:
        events = written(server.base_url).answer_events(QueryBundle(QUESTION), passages_of(REVENUE))
        async for _ in events:
            has_begun.set()

    async def cancel() -> bool:
        reader = asyncio.create_task(read())
        await asyncio.to_thread(has_begun.wait, PATIENCE_S)
        reader.cancel()
        return await asyncio.to_thread(server.wait_until_client_left, PATIENCE_S)

    assert asyncio.run(cancel())
