"""The built-in model: its numbers, and that it is a LlamaIndex embedding."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode

from corpus.embedding.graph_cache import graph_path
from corpus.embedding.minilm import DIMENSION, MiniLmEmbedding

HAPPY = "This is a happy person"
# Two runs of the same row in other batches add in another order.
SAME = 1e-5


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(cache_dir: Path) -> MiniLmEmbedding:
    return MiniLmEmbedding.open(cache_dir, threads=2)


@pytest.mark.parametrize(
    ("other", "cosine"),
    [
        ("This is a happy dog", 0.6229),
        ("This is a very happy person", 0.9424),
        ("Today is a sunny day", 0.2954),
    ],
)
def test_cosines_are_those_of_the_reference_model(
    model: MiniLmEmbedding, other: str, cosine: float
) -> None:
    one, two = model.embed([HAPPY, other])
    assert float(one @ two) == pytest.approx(cosine, abs=1e-4)


def test_rows_are_float32_of_length_one_also_for_an_empty_text(model: MiniLmEmbedding) -> None:
    vectors = model.embed([HAPPY, "", " \n", "语言", "\x00\ud800"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, DIMENSION)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=SAME)


def test_no_texts_give_no_rows(model: MiniLmEmbedding) -> None:
    assert model.embed([]).shape == (0, DIMENSION)


def test_a_row_depends_on_its_text_alone(model: MiniLmEmbedding) -> None:
    texts = [f"item {i} " + "of a long list " * (i * 7 % 23) for i in range(40)]
    together = model.embed(texts)
    backwards = model.embed(texts[::-1])[::-1]
    alone = np.concatenate([model.embed([text]) for text in texts])
    assert np.allclose(together, backwards, atol=SAME)
    assert np.allclose(together, alone, atol=SAME)
    assert not np.allclose(together[0], together[1], atol=0.01)


def test_in_int8_every_vector_stays_close_to_the_exact_one_and_depends_on_its_text_alone(
    model: MiniLmEmbedding, cache_dir: Path
) -> None:
    texts = [
        "What the station keeps: lamp oil, wicks, and a spare lens for the winter months. " * 3,
        "Der Leuchtturm wurde 1871 gebaut; das Öl wird in zwei Fässern gelagert.",
        "灯塔建于1871年，灯油储存在两个桶里。",
        "Total revenue 1,234.5 (987.6) 12.3 % 2021 2020 2019",
        "def add(one, two):\n    return one + two",
        "See page 12.",
        "",
    ]
    exact = model.embed(texts)
    quick = MiniLmEmbedding.open(cache_dir, 2, "int8")
    vectors = quick.embed(texts)
    assert np.all(np.sum(exact * vectors, axis=1) > 0.99)
    assert not np.allclose(vectors, exact, atol=1e-4)
    alone = np.concatenate([quick.embed([text]) for text in texts])
    assert np.all(np.sum(alone * vectors, axis=1) > 0.9999)


def test_text_beyond_256_tokens_is_not_seen(model: MiniLmEmbedding) -> None:
    # 254 words of one token each, and the two special tokens.
    full = "house " * 254
    whole, longer, shorter = model.embed([full, full + "entirely different", "house " * 3])
    assert np.allclose(whole, longer, atol=SAME)
    assert not np.allclose(whole, shorter, atol=0.01)


def test_it_is_used_through_the_interface_of_llama_index(model: MiniLmEmbedding) -> None:
    embedding: BaseEmbedding = model
    texts = [HAPPY, "This is a happy dog"]
    expected = model.embed(texts)
    assert np.allclose(embedding.get_text_embedding_batch(texts), expected, atol=SAME)
    assert np.allclose(embedding.get_text_embedding(HAPPY), expected[0], atol=SAME)
    assert np.allclose(embedding.get_query_embedding(HAPPY), expected[0], atol=SAME)
    (node,) = embedding([TextNode(text=HAPPY)])
    assert node.embedding is not None
    assert np.allclose(node.embedding, expected[0], atol=SAME)


def test_the_async_interface_gives_the_same_and_leaves_the_event_loop_free(
    model: MiniLmEmbedding,
) -> None:
    texts = [HAPPY] * 40

    async def embed_while_counting() -> tuple[list[float], list[list[float]], int]:
        turns = 0
        running = asyncio.gather(
            model.aget_query_embedding(HAPPY), model.aget_text_embedding_batch(texts)
        )
        while not running.done():
            turns += 1
            await asyncio.sleep(0)
        query, rows = await running
        return query, rows, turns

    query, rows, turns = asyncio.run(embed_while_counting())
    assert np.allclose(query, model.embed([HAPPY])[0], atol=SAME)
    assert np.shape(rows) == (40, DIMENSION)
    # Were the model run on the loop, this would be the handful of turns that start it.
    assert turns > 40


def test_a_damaged_graph_is_built_anew(tmp_path: Path) -> None:
    damaged = graph_path(tmp_path, "float32")
    damaged.write_bytes(b"\x08\x08\x12")
    vectors = MiniLmEmbedding.open(tmp_path, threads=1).embed([HAPPY])
    assert vectors.shape == (1, DIMENSION)
    assert damaged.stat().st_size > 1_000_000
