from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from playwright.sync_api import Browser

from corpus.embedding.graph_cache import Precision, cached_graph
from corpus.embedding.weights import model_folder
from tests.doubles.scripted_llm import ScriptedLlm
from tests.e2e.browsing import launched
from tests.e2e.server import LecternServer


@pytest.fixture(scope="session")
def built_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedding's graphs, built once for all the servers of the tests."""
    folder = tmp_path_factory.mktemp("models")
    for precision in get_args(Precision):
        cached_graph(folder, model_folder(), precision)
    return folder


@pytest.fixture(scope="session")
def make_data_dir(
    built_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Path]:
    """Makes folders in which a server starts at once."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("data")
        (folder / "models").mkdir()
        for built in built_models.iterdir():
            (folder / "models" / built.name).hardlink_to(built)
        return folder

    return make


@pytest.fixture(scope="module")
def llm() -> Iterator[ScriptedLlm]:
    """What an LLM says, for the tests of a module."""
    with ScriptedLlm() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def server(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    """One server for the tests of a module; each uses a collection of its own."""
    # Without OCR what is a picture stays one, whatever is installed where the tests run.
    limits = {"LECTERN_MAX_FILE_MB": "1", "LECTERN_MAX_REQUEST_MB": "8", "LECTERN_OCR": "off"}
    with LecternServer(make_data_dir(), **limits) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module; each has a tab, cookies and storage of its own.

    No longer: while Playwright runs, so does its event loop, and tests elsewhere have their own.
    """
    with launched() as browser:
        yield browser
