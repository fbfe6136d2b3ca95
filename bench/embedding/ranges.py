"""`python -m bench.embedding.ranges FILE ...`: measure the activations' ranges anew.

The files are texts (UTF-8), cut at blank lines; the more kinds of text, the better. Writes
`corpus/embedding/activation_ranges.npz`, and GRAPH_VERSION is then to be raised.

It holds by place and layer the lowest and highest value of every channel. The ones in use are those
of 36 encyclopedia articles (every other one of the development data's wiki folders, in English,
German and Chinese), 700 chunks of three filings, and the source of `corpus/` and `service/`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from bench.embedding.sample import evenly
from corpus.embedding import int8_graph
from corpus.embedding.bert_graph import LAYERS, Graph, Place, build_bert_graph
from corpus.embedding.minilm import LIMIT_TOKENS
from corpus.embedding.weights import model_folder, tokenizer_file, weights_file

# Evenly spread over what is given: ranges grow slowly with more.
MOST_TEXTS = 2000
SHORTEST_CHARS = 3

Ranges = dict[Place, NDArray[np.float32]]


class _WatchedGraph(Graph):
    """Remembers what goes into each product."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: dict[tuple[Place, int], str] = {}

    def product(self, layer: int, place: Place, inputs: str, kernel: NDArray[np.float32]) -> str:
        self.inputs[place, layer] = inputs
        return super().product(layer, place, inputs, kernel)

    def attention(
        self,
        layer: int,
        hidden: str,
        kernel: NDArray[np.float32],
        bias: NDArray[np.float32],
    ) -> str:
        self.inputs["qkv", layer] = hidden
        return super().attention(layer, hidden, kernel, bias)


def measure(texts: Sequence[str]) -> Ranges:
    """Run the exact model on each text; by place `(layers, 2, channels)`: lowest, highest."""
    folder = model_folder()
    tokenizer = Tokenizer.from_file(str(tokenizer_file(folder)))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LIMIT_TOKENS)
    graph = _WatchedGraph()
    model = build_bert_graph(load_file(weights_file(folder)), graph)
    for name in graph.inputs.values():
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    low: dict[tuple[Place, int], NDArray[np.float32]] = {}
    high: dict[tuple[Place, int], NDArray[np.float32]] = {}
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], np.int32)
        found = session.run(
            list(graph.inputs.values()), {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        )
        for key, (values,) in zip(graph.inputs, found, strict=True):
            low[key] = np.minimum(low.get(key, np.inf), values.min(axis=0))
            high[key] = np.maximum(high.get(key, -np.inf), values.max(axis=0))
    return {
        place: np.stack(
            [np.stack([low[place, layer], high[place, layer]]) for layer in range(LAYERS)]
        )
        for place in get_args(Place)
    }


def pieces(paths: Sequence[Path]) -> list[str]:
    """The paragraphs of the files, and of some of them a line alone, as titles and cells are."""
    whole = [
        piece
        for path in paths
        for piece in path.read_text("utf-8", "replace").split("\n\n")
        if len(piece.strip()) >= SHORTEST_CHARS
    ]
    spread = evenly(whole, MOST_TEXTS)
    return [*spread, *(piece.splitlines()[0][:60] for piece in spread[::8])]


def main() -> None:
    """Measure and write."""
    paths = [Path(name) for name in sys.argv[1:]]
    if not paths:
        sys.exit(__doc__)
    target = Path(int8_graph.__file__).with_name(int8_graph.RANGES_FILE)
    ranges = measure(pieces(paths))
    halves = {place: values.astype(np.float16) for place, values in ranges.items()}
    np.savez_compressed(target, allow_pickle=False, **halves)
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
