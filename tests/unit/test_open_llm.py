from __future__ import annotations

import pytest

from corpus.errors import Misconfigured
from corpus.settings import Settings
from lectern.wiring import open_llm


def test_extractive_answers_open_no_llm() -> None:
    assert open_llm(Settings(llm="extractive", llm_model="ignored")) is None


def test_an_endpoint_is_opened_with_its_model_and_context() -> None:
    settings = Settings(llm="http://127.0.0.1:1/v1", llm_model="small", llm_context_tokens=4096)
    llm = open_llm(settings)
    assert llm is not None
    assert llm.metadata.model_name == "small"
    assert llm.metadata.context_window == 4096


@pytest.mark.parametrize(
    ("llm", "model"),
    [
        ("", "small"),
        ("gpt-4", "small"),
        ("localhost:11434/v1", "small"),
        ("Extractive", "small"),
        ("http://127.0.0.1:1/v1", ""),
    ],
)
def test_settings_that_name_no_endpoint_or_no_model_are_refused(llm: str, model: str) -> None:
    # Built without validation: what an empty variable means is the settings' own affair.
    settings = Settings().model_copy(update={"llm": llm, "llm_model": model})
    with pytest.raises(Misconfigured, match="LECTERN_LLM") as refused:
        open_llm(settings)
    assert refused.value.hint
