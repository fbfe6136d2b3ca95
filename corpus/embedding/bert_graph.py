"""The BERT encoder of all-MiniLM-L6-v2 as an ONNX graph, built from its safetensors.

Inputs `input_ids` and `attention_mask`, both `(n, tokens)` int32; output `embeddings` `(n, 384)`
float32, mean over the unmasked tokens, each row of length 1. Architecture and epsilon: the
package's config.json, and Devlin et al. 2018 (arXiv 1810.04805), sections 3 and A.2.

The fused operators of ONNX Runtime (domain com.microsoft) stand for what plain ONNX says in a dozen
nodes each; the optimiser cannot find these patterns by itself in every graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LAYERS = 6
HEADS = 12
HIDDEN = 384
LAYER_NORM_EPSILON = 1e-12
FUSED = "com.microsoft"
# The oldest versions with all we use.
_OPSET_VERSION = 17
_IR_VERSION = 8

Place = Literal["qkv", "mixed", "wide", "narrow"]
Weights = Mapping[str, NDArray[Any]]


class Graph:
    """Nodes and weights in the order they are added; multiplies in float32.

    The four products of a layer are known by their `place`: "qkv" (query, key and value in one),
    "mixed" (of what was attended to), "wide" and "narrow" (into and out of the feed-forward part).
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, values: NDArray[Any]) -> str:
        """Add an initial value; its name."""
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:  # noqa: ANN401 - what ONNX takes
        """Add a node of one output, which has the node's name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def product(self, layer: int, place: Place, inputs: str, kernel: NDArray[Any]) -> str:
        """`inputs` (n, tokens, rows of `kernel`) times `kernel`."""
        name = f"layer.{layer}.{place}"
        return self.node("MatMul", [inputs, self.weight(f"{name}.kernel", kernel)], f"{name}.out")

    def attention(self, layer: int, hidden: str, kernel: NDArray[Any], bias: NDArray[Any]) -> str:
        """Self-attention of all heads; the columns of `kernel` are query, key and value."""
        name = f"layer.{layer}"
        return self.node(
            "Attention",
            [
                hidden,
                self.weight(f"{name}.qkv.kernel", kernel),
                self.weight(f"{name}.qkv.bias", bias),
                "attention_mask",
            ],
            f"{name}.attended",
            domain=FUSED,
            num_heads=HEADS,
        )


def build_bert_graph(weights: Weights, graph: Graph) -> onnx.ModelProto:
    """Add the whole model to an empty graph and return it, weights included: 90 MB in float32.

    Raises KeyError for a missing weight.
    """
    hidden = _embed_tokens(graph, weights)
    for layer in range(LAYERS):
        hidden = _encode(graph, weights, layer, hidden)
    _pool(graph, hidden)
    shape: list[int | str] = ["n", "tokens"]
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "all-MiniLM-L6-v2",
            [
                helper.make_tensor_value_info("input_ids", TensorProto.INT32, shape),
                helper.make_tensor_value_info("attention_mask", TensorProto.INT32, shape),
            ],
            [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", HIDDEN])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET_VERSION), helper.make_opsetid(FUSED, 1)],
        ir_version=_IR_VERSION,
        producer_name="lectern",
    )


def _embed_tokens(graph: Graph, weights: Weights) -> str:
    """Word plus position plus type; every token is of type 0, so the two last are one table."""
    table = "embeddings.{}_embeddings.weight".format
    positions = weights[table("position")] + weights[table("token_type")][0]
    graph.nodes.append(
        helper.make_node(
            "EmbedLayerNormalization",
            [
                "input_ids",
                "",
                graph.weight("words", weights[table("word")]),
                graph.weight("positions", positions),
                "",
                graph.weight("embeddings.gamma", weights["embeddings.LayerNorm.weight"]),
                graph.weight("embeddings.beta", weights["embeddings.LayerNorm.bias"]),
            ],
            ["hidden.in", ""],
            domain=FUSED,
            epsilon=LAYER_NORM_EPSILON,
        )
    )
    return "hidden.in"


def _encode(graph: Graph, weights: Weights, layer: int, hidden: str) -> str:
    source = f"encoder.layer.{layer}"
    attention = [f"{source}.attention.self.{part}" for part in ("query", "key", "value")]
    attended = graph.attention(
        layer,
        hidden,
        np.concatenate([weights[f"{part}.weight"].T for part in attention], axis=1),
        np.concatenate([weights[f"{part}.bias"] for part in attention]),
    )
    output = f"{source}.attention.output"
    mixed = graph.product(layer, "mixed", attended, weights[f"{output}.dense.weight"].T)
    mixed = _normalise(graph, weights, output, mixed, hidden)
    wide = graph.product(layer, "wide", mixed, weights[f"{source}.intermediate.dense.weight"].T)
    name = f"layer.{layer}.wide"
    active = graph.node(
        "BiasGelu",
        [wide, graph.weight(f"{name}.bias", weights[f"{source}.intermediate.dense.bias"])],
        f"{name}.active",
        domain=FUSED,
    )
    narrow = graph.product(layer, "narrow", active, weights[f"{source}.output.dense.weight"].T)
    return _normalise(graph, weights, f"{source}.output", narrow, mixed)


def _normalise(graph: Graph, weights: Weights, part: str, dense: str, skip: str) -> str:
    """Bias, residual connection, layer normalisation."""
    return graph.node(
        "SkipLayerNormalization",
        [
            dense,
            skip,
            graph.weight(f"{part}.gamma", weights[f"{part}.LayerNorm.weight"]),
            graph.weight(f"{part}.beta", weights[f"{part}.LayerNorm.bias"]),
            graph.weight(f"{part}.bias", weights[f"{part}.dense.bias"]),
        ],
        f"{part}.normalised",
        domain=FUSED,
        epsilon=LAYER_NORM_EPSILON,
    )


def _pool(graph: Graph, hidden: str) -> None:
    """Sum over the unmasked tokens, scaled to length 1: the mean's divisor cancels out."""
    graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    graph.node("Unsqueeze", ["mask", graph.weight("one", np.array([1]))], "mask.row")
    graph.node("MatMul", ["mask.row", hidden], "sum.row")
    graph.node("Squeeze", ["sum.row", "one"], "sum")
    graph.node("LpNormalization", ["sum"], "embeddings", axis=1, p=2)
