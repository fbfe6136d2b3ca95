from __future__ import annotations

import re

from tests.conftest import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
PACKAGES = ("corpus", "ingestion", "service", "lectern", "tests")


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`([\w/]+\.\w+|[\w/]+/)`", PAGE))
    there = {
        str(path.relative_to(ROOT)) + ("/" if path.is_dir() else "")
        for package in (*PACKAGES, "deploy", "docs")
        for path in (ROOT / package, *(ROOT / package).rglob("*"))
    } | {path.name for path in ROOT.iterdir()}
    assert len(named) > 30
    endings = there | {path[at + 1 :] for path in there for at in _slashes(path)}
    assert named - endings == set()


def _slashes(path: str) -> list[int]:
    return [at for at, char in enumerate(path) if char == "/"]


def test_every_package_is_on_the_page() -> None:
    for package in PACKAGES[:-1]:
        for folder in (ROOT / package).iterdir():
            if (folder / "__init__.py").is_file():
                assert re.search(rf"\b{folder.name}\b", PAGE), folder
