"""Keep the built graph in a folder, so that only the first start pays for it.

The file's name holds the weights' checksum and the graph's version. It appears by one rename when
it is complete and its weights were checked, so a graph that is there needs no hashing of 90 MB, and
processes that build at the same time put the same bytes in the same place. A container's image has
the graphs already, beside the installation (prebuild.py).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal, get_args
from uuid import uuid4

from corpus.embedding.weights import WEIGHTS_SHA256, weights_file

Precision = Literal["float32", "int8"]

# Raise it with any change in bert_graph.py, int8_graph.py or the ranges it reads.
GRAPH_VERSION = 2
_NAME = "all-MiniLM-L6-v2"
PREBUILT = Path(sys.prefix) / "share" / "lectern" / "models"


def graph_path(cache_dir: Path, precision: Precision) -> Path:
    """Return where the built graph is kept, whether or not it exists."""
    weights = WEIGHTS_SHA256[:12]
    return cache_dir / f"{_NAME}-{weights}-{precision}-v{GRAPH_VERSION}.onnx"


def is_prebuilt(prebuilt: Path = PREBUILT) -> bool:
    """Whether the installation brings every graph, so that no weights are needed."""
    return all(graph_path(prebuilt, precision).is_file() for precision in get_args(Precision))


def cached_graph(
    cache_dir: Path, model_folder: Path, precision: Precision, prebuilt: Path = PREBUILT
) -> Path:
    """Return the graph's file: `prebuilt`, or built first if it is not there (about a second).

    Raises WeightsMissing when it must be built and the weights are not the official ones, and
    OSError when the folder cannot be written.
    """
    if (shipped := graph_path(prebuilt, precision)).is_file():
        return shipped
    path = graph_path(cache_dir, precision)
    if not path.exists():
        build_graph(path, weights_file(model_folder), precision)
        _remove_other_versions(cache_dir)
    return path


def build_graph(path: Path, weights: Path, precision: Precision) -> None:
    """Write the graph of `weights` (safetensors) to `path`, replacing what is there at once."""
    from safetensors.numpy import load_file  # noqa: PLC0415 - only a first start pays for these

    from corpus.embedding.bert_graph import Graph, build_bert_graph  # noqa: PLC0415
    from corpus.embedding.int8_graph import Int8Graph, measured_ranges  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    graph = Int8Graph(measured_ranges()) if precision == "int8" else Graph()
    content = build_bert_graph(load_file(weights), graph).SerializeToString(deterministic=True)
    # Not a temporary file of the system: those are for one user only, and a graph made while an
    # image is built is read by another.
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _remove_other_versions(cache_dir: Path) -> None:
    """Graphs that an earlier version of Lectern built: 90 MB each that nobody reads any more."""
    current = {graph_path(cache_dir, precision) for precision in get_args(Precision)}
    for path in cache_dir.glob(f"{_NAME}-*.onnx"):
        if path not in current:
            path.unlink(missing_ok=True)
