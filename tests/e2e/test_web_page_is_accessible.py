"""axe-core finds nothing on the web page that keeps anybody from using it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.conftest import ROOT
from tests.e2e.browsing import Reader, reading
from tests.e2e.server import LecternServer

SAMPLE = ROOT / "docs/sample/lighthouse.pdf"
SIZES = {"phone": (390, 844), "tablet": (820, 1100), "desk": (1440, 900)}


@pytest.fixture(scope="module")
def lectern(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(make_data_dir(), LECTERN_OCR="off") as running:
        running.add("lighthouse.pdf", SAMPLE.read_bytes(), collection="station")
        running.add("broken.pdf", b"%PDF-1.4 broken", collection="station")
        yield running


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")])
def tab(
    request: pytest.FixtureRequest, browser: Browser, lectern: LecternServer
) -> Iterator[Reader]:
    size, scheme = request.param
    width, height = SIZES[size]
    with reading(
        browser,
        lectern.url,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        # axe is a script of ours, put into the page.
        bypass_csp=True,
    ) as reader:
        yield reader


def problems(tab: Reader) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(tab.page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found
        for node in one["nodes"]
    ]


def test_every_state_can_be_used_by_everybody(tab: Reader) -> None:
    tab.page.goto(f"{tab.url}/")
    expect(tab.page.get_by_role("heading", name="Ask your own documents")).to_be_visible()
    assert problems(tab) == []

    tab.page.goto(f"{tab.url}/?collection=station&view=documents")
    expect(tab.page.locator(".document")).to_have_count(2)
    assert problems(tab) == []

    turn = tab.answer("When is the lens cleaned?")
    assert problems(tab) == []
    turn.locator(".source").first.click()
    expect(tab.page.locator("#reader-view img")).to_be_visible()
    assert problems(tab) == []
    tab.page.keyboard.press("Escape")

    tab.answer("Who won the football world cup in 1998?")
    expect(tab.page.get_by_role("heading", name="Not in your documents")).to_be_visible()
    assert problems(tab) == []
    width = tab.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, "the page scrolls sideways"
