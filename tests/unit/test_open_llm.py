from __future__ import annotations

import sys

import pytest
from pydantic import SecretStr

from corpus.errors import Misconfigured
from corpus.settings import Settings
from lectern.server.models import open_llms

KEY = SecretStr("sk-not-a-secret")


def test_extractive_answers_open_no_llm() -> None:
    assert open_llms(Settings(llm="extractive", llm_model="ignored", llm_models="a")) == (None, {})


@pytest.mark.parametrize("name", ["http://127.0.0.1:1/v1", "anthropic", "ollama"])
def test_an_llm_is_opened_with_its_model_and_context(name: str) -> None:
    # A model that no table of a client library knows: what it can is for the operator to say.
    settings = Settings(llm=name, llm_model="small", llm_api_key=KEY, llm_context_tokens=4096)
    llm, _ = open_llms(settings)
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
        ("ollama", ""),
    ],
)
def test_settings_that_name_no_endpoint_or_no_model_are_refused(llm: str, model: str) -> None:
    # Built without validation: what an empty variable means is the settings' own affair.
    settings = Settings().model_copy(update={"llm": llm, "llm_model": model})
    with pytest.raises(Misconfigured, match="LECTERN_LLM") as refused:
        open_llms(settings)
    assert refused.value.hint


def test_the_address_of_a_provider_is_a_url() -> None:
    settings = Settings(llm="ollama", llm_model="m", llm_base_url="gpu:11434")
    with pytest.raises(Misconfigured, match="LECTERN_LLM_BASE_URL is 'gpu:11434'"):
        open_llms(settings)


def test_two_addresses_are_one_too_many() -> None:
    settings = Settings(llm="http://127.0.0.1:1/v1", llm_model="m", llm_base_url="http://other")
    with pytest.raises(Misconfigured, match="both name an address"):
        open_llms(settings)


def test_a_provider_that_takes_a_key_is_not_opened_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-somebody")  # not meant for us
    with pytest.raises(Misconfigured, match="LECTERN_LLM_API_KEY is empty"):
        open_llms(Settings(llm="anthropic", llm_model="m"))


@pytest.mark.parametrize(
    ("provider", "module"), [("anthropic", "anthropic"), ("ollama", "llama_index.llms.ollama")]
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    provider: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(Misconfigured, match="not installed") as refused:
        open_llms(Settings(llm=provider, llm_model="m", llm_api_key=KEY))
    assert f".venv/bin/pip install -e '.[{provider}]'" in refused.value.hint
    assert f"EXTRAS={provider} " in refused.value.hint


def test_the_other_models_are_opened_beside_it() -> None:
    settings = Settings(llm="http://127.0.0.1:1/v1", llm_model="m", llm_models=" large, m,, ")
    llm, others = open_llms(settings)
    assert llm is not None
    assert llm.metadata.model_name == "m"
    assert {name: other.metadata.model_name for name, other in others.items()} == {"large": "large"}
