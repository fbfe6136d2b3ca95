"""The BERT encoder of all-MiniLM-L6-v2 as an ONNX graph, built from its safetensors.

Inputs `input_ids` and `attention_mask`, both `(n, tokens)` int32; output `embeddings` `(n, 384)`
float32, mean over the unmasked tokens, each row of length 1. Architecture and epsilon: the
package's config.json, and Devlin et al. 2018 (arXiv 1810.04805), sections 3 and A.2.

The fused operators of ONNX Runtime (domain com.microsoft) stand for what plain ONNX says in a dozen
nodes each; the optimiser cannot find these patterns by itself in every graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LAYERS = 6
HEADS = 12
HIDDEN = 384
LAYER_NORM_EPSILON = 1e-12
_FUSED = "com.microsoft"
# The oldest versions with all we use: any ONNX Runtime since 1.13 reads the file.
_OPSET_VERSION = 17
_IR_VERSION = 8

Weights = Mapping[str, NDArray[Any]]


class _Graph:
    """Nodes and weights in the order they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, values: NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:  # noqa: ANN401 - what ONNX takes
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


def build_bert_graph(weights: Weights) -> onnx.ModelProto:
    """Return the whole model, weights included (about 90 MB). Raises KeyError for a missing one."""
    graph = _Graph()
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
        opset_imports=[helper.make_opsetid("", _OPSET_VERSION), helper.make_opsetid(_FUSED, 1)],
        ir_version=_IR_VERSION,
        producer_name="lectern",
    )


def _embed_tokens(graph: _Graph, weights: Weights) -> str:
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
            domain=_FUSED,
            epsilon=LAYER_NORM_EPSILON,
        )
    )
    return "hidden.in"


def _encode(graph: _Graph, weights: Weights, layer: int, hidden: str) -> str:
    source, here = f"encoder.layer.{layer}", f"layer.{layer}"
    attention = [f"{source}.attention.self.{part}" for part in ("query", "key", "value")]
    attended = graph.node(
        "Attention",
        [
            hidden,
            graph.weight(
                f"{here}.qkv", np.concatenate([weights[f"{a}.weight"].T for a in attention], axis=1)
            ),
            graph.weight(
                f"{here}.qkv.bias", np.concatenate([weights[f"{a}.bias"] for a in attention])
            ),
            "attention_mask",
        ],
        f"{here}.attended",
        domain=_FUSED,
        num_heads=HEADS,
    )
    mixed = _project(graph, weights, f"{source}.attention.output", attended, hidden)
    wide = graph.node(
        "MatMul",
        [mixed, graph.weight(f"{here}.wide", weights[f"{source}.intermediate.dense.weight"].T)],
        f"{here}.widened",
    )
    active = graph.node(
        "BiasGelu",
        [wide, graph.weight(f"{here}.wide.bias", weights[f"{source}.intermediate.dense.bias"])],
        f"{here}.active",
        domain=_FUSED,
    )
    return _project(graph, weights, f"{source}.output", active, mixed)


def _project(graph: _Graph, weights: Weights, part: str, inputs: str, skip: str) -> str:
    """Dense layer, residual connection, layer normalisation."""
    dense = graph.node(
        "MatMul",
        [inputs, graph.weight(f"{part}.dense", weights[f"{part}.dense.weight"].T)],
        f"{part}.projected",
    )
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
        domain=_FUSED,
        epsilon=LAYER_NORM_EPSILON,
    )


def _pool(graph: _Graph, hidden: str) -> None:
    """Sum over the unmasked tokens, scaled to length 1: the mean's divisor cancels out."""
    graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    graph.node("Unsqueeze", ["mask", graph.weight("one", np.array([1]))], "mask.row")
    graph.node("MatMul", ["mask.row", hidden], "sum.row")
    graph.node("Squeeze", ["sum.row", "one"], "sum")
    graph.node("LpNormalization", ["sum"], "embeddings", axis=1, p=2)
