"""The arithmetic of `python -m bench.capacity`, and that its constants are those of the code."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from bench.capacity.__main__ import lines_of
from bench.capacity.figures import FIGURES, SOURCES, Figures
from bench.capacity.needs import Load, disk_bytes_per_chunk, memory_bytes_per_chunk, needs_of
from corpus.registry.database.postgres import POOL_OVERFLOW, POOL_SIZE
from service.retrieval.document_conditions import MAX_LISTED_IDS

PLAIN = Figures(
    chunks_per_page=5,
    ingestion_s_per_1000_pages=864,
    answer_s=0.1,
    registry_bytes_per_page=1000,
    payload_bytes_per_chunk=1000,
    sparse_bytes_per_chunk=500,
    payload_index_bytes_per_chunk=100,
    graph_bytes_per_chunk=100,
    vector_overhead=1.5,
    disk_headroom=2,
    busy_share=0.5,
    cores_per_worker=2,
)


def test_every_figure_says_where_it_is_from() -> None:
    assert {field.name for field in fields(Figures)} == set(SOURCES)


def test_figures_of_the_code_are_those_of_the_code() -> None:
    assert FIGURES.connections_per_api == POOL_SIZE + POOL_OVERFLOW
    assert FIGURES.listed_documents == MAX_LISTED_IDS


def test_what_comes_and_is_asked_is_counted_in_cores_and_workers() -> None:
    load = Load(chunks=1_500_000, questions_per_s=5, pages_per_day=1_000_000)
    needs = needs_of(load, PLAIN)
    assert (needs.pages, needs.documents) == (300_000, 10_000)
    assert needs.question_cores == pytest.approx(1.0)  # half a core busy, and half of it idle
    assert needs.ingestion_cores == pytest.approx(20.0)  # 864,000 s a day are ten, half idle
    assert needs.worker_processes == 10
    assert needs.database_connections == 2 * 12 + 10 * 4
    assert needs.registry_bytes == 300_000_000
    assert needs.registry_rows == 320_000


@pytest.mark.parametrize(
    ("quantization", "on_disk", "expected"),
    [
        ("none", False, 400 * 1.5 + 600),
        ("scalar", False, (400 + 100) * 1.5 + 600),
        ("scalar", True, 100 * 1.5 + 200),
        ("binary", True, 12.5 * 1.5 + 200),
        ("none", True, 200),
    ],
)
def test_memory_of_a_chunk(quantization: str, on_disk: bool, expected: float) -> None:
    load = Load(chunks=1, dimension=100, on_disk=on_disk)
    load = replace(load, quantization=quantization)  # type: ignore[arg-type]
    assert memory_bytes_per_chunk(load, PLAIN) == pytest.approx(expected)


def test_copies_take_as_much_again() -> None:
    one, two = (needs_of(Load(chunks=10, replication=count), PLAIN) for count in (1, 2))
    assert two.index_memory_bytes == 2 * one.index_memory_bytes
    assert two.index_disk_bytes == 2 * one.index_disk_bytes
    chunk = Load(chunks=1, dimension=100)
    assert disk_bytes_per_chunk(chunk, PLAIN) == 2 * (400 + 100 + 500 + 1000 + 100)


def test_walls_are_named_where_they_are_hit() -> None:
    assert needs_of(Load(chunks=10_000)).walls == ()
    large = "\n".join(needs_of(Load(chunks=1_000_000_000, api_processes=20)).walls)
    for word in ("QDRANT_URL", "50,000", "max_connections", "LECTERN_QDRANT_SHARDS", "counts"):
        assert word in large
    binary = needs_of(Load(chunks=1000, quantization="binary"))
    assert ["quality" in wall for wall in binary.walls] == [True]


def test_what_is_printed_has_a_line_for_each_need_and_wall() -> None:
    needs = needs_of(Load(chunks=10_000_000, questions_per_s=5, pages_per_day=100_000))
    lines = lines_of(needs)
    assert len(lines) == 6 + len(needs.walls)
    assert any(line.startswith("Qdrant, memory") and "GiB" in line for line in lines)
