"""Only the official weights are used, and the graph built from them is kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import pytest

from corpus.embedding.graph_cache import (
    Precision,
    build_graph,
    cached_graph,
    graph_path,
    is_prebuilt,
)
from corpus.embedding.prebuild import prebuild
from corpus.embedding.weights import PACKAGE, model_folder, tokenizer_file, weights_file
from corpus.errors import WeightsMissing


def test_the_package_is_found_without_being_imported() -> None:
    assert (model_folder() / "config.json").is_file()
    assert PACKAGE not in sys.modules


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(WeightsMissing, match="not installed"):
        model_folder("no_such_package_of_weights")


def test_other_bytes_than_the_official_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(WeightsMissing, match="not the official file"):
        weights_file(tmp_path)
    with pytest.raises(WeightsMissing, match="not the official file"):
        tokenizer_file(tmp_path)
    with pytest.raises(WeightsMissing):
        cached_graph(tmp_path / "cache", tmp_path, "float32")
    assert not (tmp_path / "cache").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"model\.safetensors .* is missing"):
        weights_file(tmp_path)


@pytest.mark.parametrize("precision", get_args(Precision))
def test_two_builds_give_the_same_bytes_and_leave_nothing_else(
    tmp_path: Path, precision: Precision
) -> None:
    folder = model_folder()
    first = cached_graph(tmp_path / "new" / "models", folder, precision)
    second = tmp_path / "new" / "models" / "second.onnx"
    build_graph(second, weights_file(folder), precision)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(first.parent.iterdir()) == sorted([first, second])


def test_the_graph_of_an_earlier_version_is_removed(tmp_path: Path) -> None:
    old = tmp_path / "all-MiniLM-L6-v2-53aa51172d14-v1.onnx"
    other = tmp_path / "another-model.onnx"
    kept = graph_path(tmp_path, "float32")
    for path in (old, other, kept):
        path.write_bytes(b"built before")
    built = cached_graph(tmp_path, model_folder(), "int8")
    assert sorted(tmp_path.iterdir()) == sorted([other, kept, built])


def test_a_graph_that_is_there_needs_no_weights(tmp_path: Path) -> None:
    kept = graph_path(tmp_path, "int8")
    kept.write_bytes(b"built before")
    assert cached_graph(tmp_path, tmp_path / "nowhere", "int8") == kept
    assert kept.read_bytes() == b"built before"


def test_what_the_installation_brings_is_used_without_weights_and_without_writing(
    tmp_path: Path,
) -> None:
    brought, cache = tmp_path / "share" / "models", tmp_path / "data" / "models"
    assert not is_prebuilt(brought)
    prebuild(brought)
    assert is_prebuilt(brought)
    for precision in get_args(Precision):
        built = cached_graph(tmp_path / "built", model_folder(), precision)
        used = cached_graph(cache, tmp_path / "nowhere", precision, brought)
        assert used == graph_path(brought, precision)
        assert used.read_bytes() == built.read_bytes()
    assert not cache.exists()
