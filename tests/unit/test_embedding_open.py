"""Settings choose the embedding; an endpoint's failures have one name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from corpus.embedding.open import open_embedding
from corpus.embedding.openai_like import open_remote_embedding
from corpus.errors import EmbeddingUnavailable, Misconfigured
from corpus.settings import BUILT_IN_EMBEDDING, Settings
from tests.doubles.serving import Handler, Serving


class Endpoint(Serving):
    """A scripted `/embeddings`: `answer` is the status and body of every reply."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.url = f"{self.root_url}/v1"
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answer: tuple[int, str] | None = None

    def reply(self, inputs: list[str]) -> tuple[int, str]:
        """Return a vector [length, 1, 0] for each input, unless told otherwise."""
        if self.answer is not None:
            return self.answer
        data = [
            {"object": "embedding", "index": i, "embedding": [float(len(text)), 1.0, 0.0]}
            for i, text in enumerate(inputs)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return 200, json.dumps({"object": "list", "data": data, "model": "m", "usage": usage})


class _Handler(Handler):
    double: Endpoint

    def answer(self) -> None:
        request = json.loads(self.body())
        self.double.requests.append(request)
        self.double.keys.append(self.headers["Authorization"])
        status, body = self.double.reply(request["input"])
        self.reply(status, body.encode())


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


def test_the_default_is_the_built_in_model(tmp_path: Path) -> None:
    opened = open_embedding(Settings(data_dir=tmp_path, embedding=BUILT_IN_EMBEDDING), 1, "float32")
    assert opened.dimension == len(opened.model.get_query_embedding("hello")) == 384
    assert opened.limit_tokens == 256
    assert opened.fingerprint.model == "all-MiniLM-L6-v2"
    assert list((tmp_path / "models").glob("*.onnx"))


def test_a_url_is_an_endpoint_that_tells_its_dimension(tmp_path: Path, endpoint: Endpoint) -> None:
    settings = Settings(
        data_dir=tmp_path,
        embedding=endpoint.url,
        embedding_model="small",
        embedding_api_key=SecretStr("k"),
    )
    opened = open_embedding(settings, 1, "float32")
    assert opened.dimension == 3
    assert opened.fingerprint.as_json() == {
        "model": "small",
        "dimension": 3,
        "pooling": "endpoint",
        "prefix": "",
        "normalised": False,
        "chunker_version": opened.fingerprint.chunker_version,
    }
    assert opened.tokens.offsets("two words") == [(0, 3), (4, 9)]
    assert endpoint.requests[0]["model"] == "small"
    assert endpoint.keys == ["Bearer k"]
    assert opened.model.get_text_embedding_batch(["a", "bb"]) == [[1, 1, 0], [2, 1, 0]]
    assert asyncio.run(opened.model.aget_query_embedding("ccc")) == [3, 1, 0]


@pytest.mark.parametrize(
    "answer",
    [
        (500, "{}"),
        (401, '{"error": {"message": "bad key"}}'),
        (404, "not here"),
        (200, "no json"),
        (200, '{"object": "list", "data": []}'),
        (200, '{"unexpected": true}'),
        (200, '{"data": [{"embedding": null}, {"embedding": null}]}'),
        (200, '{"data": [{"embedding": [1.0]}, {"embedding": [1.0]}, {"embedding": [1.0]}]}'),
    ],
)
def test_every_wrong_answer_is_embedding_unavailable(
    endpoint: Endpoint, answer: tuple[int, str]
) -> None:
    model = open_remote_embedding(endpoint.url, "m", None, timeout_s=5)
    endpoint.answer = answer
    with pytest.raises(EmbeddingUnavailable):
        model.get_text_embedding_batch(["a", "b"])
    with pytest.raises(EmbeddingUnavailable):
        asyncio.run(model.aget_text_embedding_batch(["a", "b"]))


def test_an_endpoint_that_is_not_there_is_embedding_unavailable(tmp_path: Path) -> None:
    with Endpoint() as gone:
        settings = Settings(data_dir=tmp_path, embedding=gone.url, embedding_model="m")
    with pytest.raises(EmbeddingUnavailable):
        open_embedding(settings, 1, "float32")


@pytest.mark.parametrize(
    ("embedding", "model"), [("some-model", "m"), ("http://127.0.0.1:1/v1", "")]
)
def test_settings_that_name_no_endpoint_or_no_model_are_refused(
    tmp_path: Path, embedding: str, model: str
) -> None:
    settings = Settings(data_dir=tmp_path, embedding=embedding, embedding_model=model)
    with pytest.raises(Misconfigured, match="LECTERN_EMBEDDING"):
        open_embedding(settings, 1, "float32")
