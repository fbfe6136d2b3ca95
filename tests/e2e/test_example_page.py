"""The page of docs/typescript.md in a real browser, from another origin than the service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.conftest import ROOT
from tests.e2e.server import LecternServer
from tests.installed import require_program


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def frontend() -> Iterator[str]:
    """The origin of the server that a frontend developer would run."""
    handler = partial(_Quiet, directory=str(ROOT / "docs/examples"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page() -> Iterator[Page]:
    browser_path = require_program("chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser_path) as browser,
    ):
        yield browser.new_page()


def test_the_answer_and_its_citations_appear_as_they_come(
    make_data_dir: Callable[[], Path], frontend: str, page: Page
) -> None:
    with LecternServer(make_data_dir(), LECTERN_CORS_ORIGINS=frontend) as lectern:
        lectern.add("lighthouse.pdf", (ROOT / "docs/sample/lighthouse.pdf").read_bytes())
        asked: list[str] = []
        page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
        page.goto(f"{frontend}/chat.html?lectern={lectern.url}")
        page.fill("input", "When is the lens cleaned?")
        page.click("button")
        expected = lectern.chat("When is the lens cleaned?")
        page.wait_for_function("said => answer.textContent === said", arg=expected["answer"])
        assert page.evaluate("answer.childNodes.length") > 1
        assert page.locator("li").all_text_contents() == [
            f"“{one['quote']}” {one['filename']}, page {one['page']}"
            for one in expected["citations"]
        ]
        assert set(asked) <= {urlsplit(address).netloc for address in (frontend, lectern.url)}

        page.fill("input", "x" * 10_000)
        page.click("button")
        page.wait_for_function("answer.textContent.includes('8000 are accepted')")


def test_a_page_that_nobody_named_is_kept_out_by_the_browser(
    server: LecternServer, frontend: str, page: Page
) -> None:
    page.goto(f"{frontend}/chat.html?lectern={server.url}")
    page.fill("input", "When is the lens cleaned?")
    with page.expect_event("requestfailed"):
        page.click("button")
    assert page.locator("p").text_content() == ""


def test_it_is_about_thirty_lines() -> None:
    assert len((ROOT / "docs/examples/chat.html").read_text().splitlines()) <= 40
