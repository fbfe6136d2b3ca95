"""`python -m corpus.embedding.prebuild`: build the graphs into the installation.

For images: a container then starts as fast the first time as later, on an empty data folder too,
and needs neither the weights nor what builds the graphs (deploy/slim.sh).
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from corpus.embedding.graph_cache import PREBUILT, Precision, build_graph, graph_path
from corpus.embedding.weights import model_folder, weights_file


def prebuild(folder: Path) -> None:
    """Write every graph to `folder`. Raises WeightsMissing, and OSError."""
    weights = weights_file(model_folder())
    for precision in get_args(Precision):
        build_graph(graph_path(folder, precision), weights, precision)


if __name__ == "__main__":
    prebuild(PREBUILT)
