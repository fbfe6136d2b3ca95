from __future__ import annotations

from service.answering.events import AnswerDone
from service.mcp.results import AskResult
from service.openai_api.reply import OwnExtra
from service.rest.answer_shapes import TurnBody
from service.rest.question_shapes import ChatReply

SAID = set(AnswerDone("answered", "x").as_json())


def test_what_an_answer_says_is_told_over_http_at_once_and_later() -> None:
    assert set(ChatReply.model_fields) >= SAID
    assert set(TurnBody.model_fields) >= SAID


def test_what_other_protocols_leave_out_is_left_out_on_purpose() -> None:
    # OpenAI's own fields have the answer and its usage.
    assert SAID - set(OwnExtra.model_fields) == {"answer", "related_questions", "usage"}
    assert SAID - set(AskResult.model_fields) == {"related_questions", "usage"}
