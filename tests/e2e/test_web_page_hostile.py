"""What documents, file names and models say is text on the web page, whatever it looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, expect

from tests.doubles.scripted_llm import MODEL, ScriptedLlm, say
from tests.e2e.browsing import Reader, reading
from tests.e2e.server import LecternServer

NAME = "<img src=x onerror=alert(1)>.txt"
HOSTILE = (
    "<script>alert(1)</script> The crane lifts 40 tons <b onmouseover=alert(1)>today</b>. "
    '"><svg onload=alert(1)> The quay is made of oak.'
)


@pytest.fixture(scope="module")
def lectern(llm: ScriptedLlm, make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(
        make_data_dir(), LECTERN_LLM=llm.base_url, LECTERN_LLM_MODEL=MODEL
    ) as running:
        running.add(NAME, HOSTILE.encode())
        yield running


@pytest.fixture
def tab(browser: Browser, lectern: LecternServer) -> Iterator[Reader]:
    opened: list[str] = []

    def note(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    with reading(browser, lectern.url) as reader:
        reader.page.on("dialog", note)
        yield reader
        assert opened == []


def test_documents_and_file_names_are_text(tab: Reader, llm: ScriptedLlm) -> None:
    llm.script(say("The crane lifts 40 tons [1]."))
    tab.open("?view=documents")
    page = tab.page
    expect(page.locator(".document .name")).to_have_text(NAME)
    turn = tab.answer("What does the crane lift?")
    turn.locator(".answer .chip").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text(NAME)
    turn.locator(".source").first.click()
    expect(page.locator("#reader-title")).to_have_text(NAME)
    expect(page.locator("#reader-view .text")).to_contain_text("<script>alert(1)</script>")
    expect(
        page.locator("#app script, #app [onerror], #app [onload], #app b[onmouseover]")
    ).to_have_count(0)


def test_an_answers_markup_is_text_and_its_links_lead_to_the_web_alone(
    tab: Reader, llm: ScriptedLlm
) -> None:
    llm.script(
        say(
            "<img src=x onerror=alert(1)> The crane lifts **40 tons** [1].\n\n",
            "[press me](javascript:alert(1)) and [me](data:text/html,<script>alert(1)</script>) ",
            "or ![a picture](http://127.0.0.1:9/x.png) or [a page](http://127.0.0.1:9/page).\n\n",
            "<script>alert(1)</script>\n\n```\n</code><script>alert(1)</script>\n```",
        )
    )
    asked: list[str] = []
    tab.open()
    tab.page.on("request", lambda request: asked.append(request.url))
    answer = tab.answer("What does the crane lift?").locator(".answer")
    expect(answer.locator("strong")).to_have_text("40 tons")
    expect(answer).to_contain_text("<img src=x onerror=alert(1)>")
    expect(answer.locator("img, script, svg")).to_have_count(0)
    hrefs = answer.locator("a").evaluate_all("links => links.map((one) => one.href)")
    assert set(hrefs) == {"http://127.0.0.1:9/x.png", "http://127.0.0.1:9/page"}
    assert all(url.startswith(tab.url) for url in asked)


def test_the_page_may_load_nothing_from_elsewhere(lectern: LecternServer) -> None:
    page = lectern.http.get("/", headers={"Accept": "text/html"})
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "http:" not in page.text.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in page.text
