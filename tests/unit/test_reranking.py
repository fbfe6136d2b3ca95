from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from onnx import TensorProto, helper, numpy_helper
from pydantic import SecretStr
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from corpus.errors import Misconfigured
from corpus.settings import Settings
from lectern.server.models import open_reranker
from service.retrieval.reranking import RERANKED, Reranked
from tests.doubles.serving import Handler, Serving
from tests.samples.corpus import node_of

WORDS = {"[PAD]": 0, "[UNK]": 1, "anchor": 2, "heavy": 3}
WORTH = [0.0, 0.0, 1.0, 5.0]
TEXTS = ("nothing of it", "an anchor", "a heavy anchor")
QUESTION = QueryBundle("What is heavy?")


def found(*texts: str) -> list[NodeWithScore]:
    """Nodes in this order."""
    return [
        NodeWithScore(node=node_of(text, ordinal=ordinal), score=1 - ordinal / 100)
        for ordinal, text in enumerate(texts)
    ]


def texts_of(nodes: list[NodeWithScore]) -> list[str]:
    return [one.node.text for one in nodes]  # type: ignore[attr-defined]


def rerank(
    reranker: BaseNodePostprocessor | None,
    nodes: list[NodeWithScore],
    *,
    top_k: int = 10,
    timeout_s: float = 20.0,
) -> tuple[list[str], bool]:
    assert reranker is not None
    step = Reranked(reranker, top_k=top_k, timeout_s=timeout_s)
    kept = asyncio.run(step.apostprocess_nodes(nodes, QUESTION))
    return texts_of(kept), step.is_degraded


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """A cross-encoder that adds up what each word is worth."""
    ids, mask = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    )
    scores = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])
    worth = numpy_helper.from_array(np.array(WORTH, dtype=np.float32), "worth")
    axis = numpy_helper.from_array(np.array([1], dtype=np.int64), "axis")
    nodes = [
        helper.make_node("Gather", ["worth", "input_ids"], ["each"]),
        helper.make_node("ReduceSum", ["each", "axis"], ["logits"], keepdims=1),
    ]
    graph = helper.make_graph(nodes, "worth", [ids, mask], [scores], [worth, axis])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(
        helper.make_model(graph, opset_imports=opset, ir_version=9), str(tmp_path / "model.onnx")
    )
    tokenizer = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text('{"pad_token_id": 0}')
    (tmp_path / "tokenizer_config.json").write_text(
        '{"model_max_length": 64, "pad_token": "[PAD]"}'
    )
    (tmp_path / "special_tokens_map.json").write_text('{"pad_token": "[PAD]"}')
    return tmp_path


def test_a_cross_encoder_from_a_folder_orders_what_was_found(model_folder: Path) -> None:
    reranker = open_reranker(Settings(reranker=str(model_folder)))
    assert rerank(reranker, found(*TEXTS)) == (list(reversed(TEXTS)), False)
    assert rerank(reranker, found(*TEXTS), top_k=1) == (["a heavy anchor"], False)
    assert rerank(reranker, []) == ([], False)


def test_a_folder_without_a_model_is_a_mistake_of_the_settings(
    tmp_path: Path, model_folder: Path
) -> None:
    with pytest.raises(Misconfigured, match=r"no model\.onnx"):
        open_reranker(Settings(reranker=str(tmp_path / "nothing")))
    (model_folder / "tokenizer.json").write_text("{}")
    with pytest.raises(Misconfigured, match="cannot be loaded"):
        open_reranker(Settings(reranker=str(model_folder)))


class _Endpoint(Serving):
    """Answers `POST /v1/rerank` once it may `go`: with `results`, or the last text is the best."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.url = f"{self.root_url}/v1"
        self.requests: list[tuple[str, str | None, dict[str, Any]]] = []
        self.go = threading.Event()
        self.go.set()
        self.results: list[dict[str, Any]] | None = None


class _Handler(Handler):
    double: _Endpoint

    def answer(self) -> None:
        body = json.loads(self.body())
        self.double.requests.append((self.path, self.headers["authorization"], body))
        self.double.go.wait(20)
        results = self.double.results
        if results is None:
            results = [
                {"index": index, "relevance_score": index / 10}
                for index in range(len(body["documents"]))
            ]
        self.reply(200, json.dumps({"results": results}).encode())


@pytest.fixture
def endpoint() -> Iterator[_Endpoint]:
    with _Endpoint() as started:
        yield started
        started.go.set()


def remote(endpoint: _Endpoint) -> BaseNodePostprocessor:
    opened = open_reranker(
        Settings(reranker=endpoint.url, reranker_model="big", reranker_api_key=SecretStr("key"))
    )
    assert opened is not None
    return opened


def test_an_endpoint_orders_what_was_found(endpoint: _Endpoint) -> None:
    assert rerank(remote(endpoint), found(*TEXTS)) == (list(reversed(TEXTS)), False)
    ((path, key, body),) = endpoint.requests
    assert (path, key) == ("/v1/rerank", "Bearer key")
    assert (body["model"], body["query"], body["top_n"]) == ("big", QUESTION.query_str, 3)
    assert body["documents"][1] == "Acme\n\nan anchor"


def test_only_the_first_are_sent_and_the_others_stay_behind_them(endpoint: _Endpoint) -> None:
    nodes = found(*(f"text {number}" for number in range(RERANKED + 5)))
    texts, _ = rerank(remote(endpoint), nodes, top_k=50)
    behind = range(RERANKED, RERANKED + 5)
    assert texts == [f"text {number}" for number in [*reversed(range(RERANKED)), *behind]]


def test_a_slow_endpoint_is_done_without(endpoint: _Endpoint) -> None:
    endpoint.go.clear()
    assert rerank(remote(endpoint), found(*TEXTS), top_k=2, timeout_s=0.2) == (
        ["nothing of it", "an anchor"],
        True,
    )


@pytest.mark.parametrize("results", [[], [{"index": 7, "relevance_score": 1}], [{"x": 1}]])
def test_an_endpoint_that_answers_nonsense_is_done_without(
    endpoint: _Endpoint, results: list[dict[str, Any]]
) -> None:
    endpoint.results = results
    assert rerank(remote(endpoint), found(*TEXTS)) == (list(TEXTS), True)


def test_a_reranker_cannot_bring_nodes_of_its_own() -> None:
    class Intruder(BaseNodePostprocessor):
        def _postprocess_nodes(
            self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
        ) -> list[NodeWithScore]:
            return [NodeWithScore(node=node_of("a secret", document_id="hidden")), *nodes]

    assert rerank(Intruder(), found(*TEXTS)) == (list(TEXTS), False)
