"""The same encoder with its products in 8-bit integers, for documents by the thousand.

Weights have one scale a column, activations one a product. Three things keep the vectors close
to the exact ones (docs/adr/0009-int8-for-documents.md has the measurements):

- Channels that are far larger than others are scaled down before they are rounded, and their row
  of the kernel up (SmoothQuant, Xiao et al. 2022, arXiv 2211.10438, section 4).
- The ranges of the activations are constants, measured once on many texts, and not those of the
  batch that a text happens to be in.
- The products that lose most by it stay in float32: "narrow" of the first layers.

Weights have 7 bits: with 8, the sum of two products overflows the 16 bits that AVX2 has for it, and
the vectors would differ from one processor to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from corpus.embedding.bert_graph import FUSED, HEADS, Graph, Place

RANGES_FILE = "activation_ranges.npz"
LARGEST_WEIGHT = 63
# With 2 the least cosine of short texts was below 0.99, with 3 above.
EXACT_NARROW_LAYERS = 3
SMOOTHED_PLACES: frozenset[Place] = frozenset({"qkv", "wide"})
# After the activation function single channels reach 24, nine tenths stay below this.
NARROW_LIMIT = 4.0
# What lies further beyond the measured ranges is cut off.
HEADROOM = 1.05
_SMALLEST_SCALE = 1e-12


class Int8Graph(Graph):
    """Nodes that quantise as they go; `ranges` by place, each (layers, 2, channels): low, high."""

    def __init__(self, ranges: Mapping[Place, NDArray[np.float32]]) -> None:
        super().__init__()
        self._ranges = ranges

    def product(self, layer: int, place: Place, inputs: str, kernel: NDArray[Any]) -> str:
        """The same product, of rounded operands; exact where rounding costs most."""
        if place == "narrow" and layer < EXACT_NARROW_LAYERS:
            return super().product(layer, place, inputs, kernel)
        return self._quantised(layer, place, inputs, kernel, None)

    def attention(self, layer: int, hidden: str, kernel: NDArray[Any], bias: NDArray[Any]) -> str:
        """Self-attention; only its product with the kernel is in integers."""
        name = f"layer.{layer}"
        projected = self._quantised(layer, "qkv", hidden, kernel, bias)
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        self.nodes.append(helper.make_node("Split", [projected], parts, axis=-1))
        return self.node(
            "MultiHeadAttention",
            [*parts, "", "attention_mask"],
            f"{name}.attended",
            domain=FUSED,
            num_heads=HEADS,
        )

    def _quantised(
        self,
        layer: int,
        place: Place,
        inputs: str,
        kernel: NDArray[Any],
        bias: NDArray[Any] | None,
    ) -> str:
        name = f"layer.{layer}.{place}"
        low, high = self._ranges[place][layer]
        factors = smoothing(place, np.maximum(np.abs(low), np.abs(high)), kernel)
        if not np.all(factors == 1):
            down = self.weight(f"{name}.down", (1 / factors).astype(np.float32))
            inputs = self.node("Mul", [inputs, down], f"{name}.smooth")
        scale, zero = activation_scale((low / factors).min(), (high / factors).max())
        weights, weight_scales = quantised_kernel(kernel * factors[:, None])
        input_scale = self.weight(f"{name}.input.scale", scale)
        input_zero = self.weight(f"{name}.input.zero", zero)
        rounded = self.node("QuantizeLinear", [inputs, input_scale, input_zero], f"{name}.rounded")
        operands = [
            rounded,
            self.weight(f"{name}.kernel", weights),
            input_scale,
            self.weight(f"{name}.kernel.scale", weight_scales),
            input_zero,
            self.weight(f"{name}.kernel.zero", np.zeros(kernel.shape[1], np.int8)),
        ]
        if bias is not None:
            operands.append(self.weight(f"{name}.bias", bias))
        return self.node("MatMulIntegerToFloat", operands, f"{name}.out", domain=FUSED)


def measured_ranges() -> Mapping[Place, NDArray[np.float32]]:
    """What `python -m bench.embedding.ranges` wrote: the ranges of every channel, by place."""
    with (files("corpus.embedding") / RANGES_FILE).open("rb") as file, np.load(file) as ranges:
        return {place: ranges[place].astype(np.float32) for place in get_args(Place)}


def smoothing(place: Place, largest: NDArray[Any], kernel: NDArray[Any]) -> NDArray[np.float32]:
    """By how much each channel is divided before rounding, `(channels,)`, each above 0.

    `largest` is each channel's largest absolute activation. "qkv" and "wide" are balanced as in the
    paper with alpha 0.5, and scaled to a geometric mean of 1; of "narrow" only single channels are
    scaled, those beyond `NARROW_LIMIT`; "mixed" needs none.
    """
    if place in SMOOTHED_PLACES:
        balance = np.sqrt(np.maximum(largest, 1e-5) / np.maximum(np.abs(kernel).max(axis=1), 1e-5))
        return np.asarray(balance / np.exp(np.log(balance).mean()), np.float32)
    if place == "narrow":
        return np.asarray(np.maximum(1, largest / NARROW_LIMIT), np.float32)
    return np.ones(len(largest), np.float32)


def activation_scale(low: float, high: float) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The scale and the zero point by which `[low, high]`, 0 included, is rounded to 0..255."""
    bottom, top = min(low, 0.0) * HEADROOM, max(high, 0.0) * HEADROOM
    scale = max((top - bottom) / 255, _SMALLEST_SCALE)
    return np.array(scale, np.float32), np.array(round(-bottom / scale), np.uint8)


def quantised_kernel(kernel: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """`(k, n)` int8 within `LARGEST_WEIGHT` of 0, and `(n,)` scales that give it back."""
    scales = np.maximum(np.abs(kernel).max(axis=0) / LARGEST_WEIGHT, _SMALLEST_SCALE)
    return np.rint(kernel / scales).astype(np.int8), scales.astype(np.float32)
