"""The web page when things go wrong on the way: connections, reloads, other tabs, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say
from tests.e2e.browsing import Reader, reading
from tests.e2e.server import LecternServer
from tests.samples import files

QUESTION = "What does the anchor weigh?"
ANSWER = "The anchor weighs 90 kilograms [1]."


@pytest.fixture(scope="module")
def lectern(llm: ScriptedLlm, make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(
        make_data_dir(), LECTERN_LLM=llm.base_url, LECTERN_LLM_MODEL=MODEL
    ) as running:
        running.add("anchor.txt", b"The anchor weighs 90 kilograms. It is made of iron.")
        yield running


@pytest.fixture
def tab(browser: Browser, lectern: LecternServer) -> Iterator[Reader]:
    with reading(browser, lectern.url) as reader:
        yield reader


def test_a_lost_connection_is_shown_and_found_again(tab: Reader, llm: ScriptedLlm) -> None:
    llm.script(say(ANSWER))
    tab.open()
    tab.page.context.set_offline(True)
    turn = tab.answer(QUESTION)
    expect(turn.locator(".note")).to_contain_text("does not answer")
    expect(tab.page.locator("#banner")).to_contain_text("Connection lost")
    tab.page.context.set_offline(False)
    expect(tab.page.locator("#banner")).to_be_hidden()
    turn.get_by_role("button", name="Ask again").click()
    expect(tab.page.locator(".turn .answer", has_text="90 kilograms")).to_have_count(1)


def test_a_reload_in_the_middle_keeps_what_was_said(tab: Reader, llm: ScriptedLlm) -> None:
    llm.script(Reply(pieces=("The anchor weighs 90 kilograms [1]. ", "It is made"), stall=True))
    tab.open()
    turn = tab.ask(QUESTION)
    expect(turn.locator(".answer")).to_contain_text("It is made")
    assert "conversation" in tab.said()
    tab.page.reload()
    assert llm.wait_until_client_left(30)
    for _ in range(50):  # it is kept a moment after its reader left
        tab.page.reload()
        expect(tab.page.locator("#conversations li").first).to_be_visible()
        if tab.page.locator(".turn").count():
            break
        tab.page.wait_for_timeout(200)
    expect(tab.page.locator(".turn .answer")).to_contain_text("90 kilograms")
    expect(tab.page.locator(".turn .note")).to_contain_text("Stopped before its end")


def test_an_answer_is_stopped_by_its_button_and_by_escape(tab: Reader, llm: ScriptedLlm) -> None:
    llm.script(Reply(pieces=("The anchor weighs ",), stall=True))
    tab.open()
    for by_key in (False, True):
        tab.page.get_by_role("button", name="New conversation").click()
        turn = tab.ask(QUESTION)
        expect(turn.locator(".answer")).to_contain_text("The anchor weighs")
        if by_key:
            tab.page.keyboard.press("Escape")
        else:
            tab.page.get_by_role("button", name="Stop", exact=True).click()
        expect(turn.locator(".note")).to_contain_text("Stopped.")
        assert llm.wait_until_client_left(30)


def test_what_no_passage_carries_is_marked(tab: Reader, llm: ScriptedLlm) -> None:
    llm.script(say("The anchor weighs 90 kilograms [1]. The mast is 30 metres high [1]."))
    tab.open()
    turn = tab.answer(QUESTION)
    expect(turn.locator(".unsupported").first).to_contain_text("The mast is 30 metres high")
    expect(turn.locator(".note")).to_contain_text("not carried by what the answer cites")


def test_two_tabs_may_ask_at_once_in_one_conversation(
    tab: Reader, browser: Browser, llm: ScriptedLlm
) -> None:
    llm.script(say(ANSWER))
    tab.open()
    tab.answer(QUESTION)
    with reading(browser, tab.url) as other:
        other.page.goto(tab.page.url)
        expect(other.page.locator(".turn")).to_have_count(1)
        first, second = tab.ask(QUESTION), other.ask(QUESTION)
        for turn in (first, second):
            expect(turn.locator(".answer")).to_contain_text("90 kilograms")
        expect(tab.page.locator("#stop")).to_be_hidden()
        expect(other.page.locator("#stop")).to_be_hidden()
        tab.page.reload()
        expect(tab.page.locator(".turn")).to_have_count(3)


def test_a_key_is_asked_for_and_stays_out_of_the_address(tab: Reader) -> None:
    """As a service with keys answers: what has no key gets 401."""
    sent: list[str | None] = []

    def guard(route: Route) -> None:
        said = route.request.headers.get("authorization")
        sent.append(said)
        if said == "Bearer open-sesame":
            route.continue_()
            return
        body = '{"error": "unauthorized", "detail": "A key is needed.", "hint": ""}'
        route.fulfill(status=401, content_type="application/json", body=body)

    for address in ("**/collections", "**/conversations?*", "**/documents?*"):
        tab.page.route(address, guard)
    tab.page.goto(tab.url)
    dialog = tab.page.get_by_role("dialog", name="Sign in")
    for key in ("wrong", "open-sesame"):
        expect(dialog).to_be_visible()
        dialog.get_by_label("Key").fill(key)
        dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    expect(tab.page.locator("#document-count")).to_have_text("1")
    assert "Bearer wrong" in sent
    assert "sesame" not in tab.page.url


def test_it_works_below_a_path_of_a_proxy(browser: Browser, lectern: LecternServer) -> None:
    """As behind a proxy that serves it at /tools/lectern/ and takes that away."""
    prefix = f"{lectern.url}/tools/lectern"

    def strip(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/tools/lectern", "")))

    with reading(browser, prefix) as tab:
        asked: list[str] = []
        tab.page.route("**/tools/lectern/**", strip)
        tab.page.on("request", lambda request: asked.append(request.url))
        tab.open("?view=documents")
        tab.page.get_by_role("button", name="anchor.txt", exact=True).click()
        expect(tab.page.locator("#reader-view .text")).to_contain_text("90 kilograms")
        assert all(url.startswith((prefix, "blob:")) for url in asked)


def test_going_elsewhere_before_an_answer_begins_leaves_nothing_behind(
    tab: Reader, llm: ScriptedLlm, lectern: LecternServer
) -> None:
    lectern.add("rope.txt", b"The rope is 40 metres long.", collection="rigging")
    llm.script(Reply(pieces=(ANSWER,), pause_s=1.0))
    tab.open()
    tab.page.route("**/chat", lambda _route: None)  # it does not begin
    tab.ask(QUESTION)
    tab.page.get_by_role("button", name="rigging").click()
    expect(tab.page.locator(".turn")).to_have_count(0)
    tab.page.unroute("**/chat")
    llm.script(say("The rope is 40 metres long [1]."))
    turn = tab.answer("How long is the rope?")
    expect(turn.locator(".answer")).to_contain_text("40 metres")
    assert tab.said()["collection"] == "rigging"


def test_line_separators_of_unicode_lose_nothing(tab: Reader, llm: ScriptedLlm) -> None:
    llm.script(say("The anchor weighs\u2028 90 kilograms [1].", "\u2029 It is made of iron [1]."))
    tab.open()
    turn = tab.answer("What does the\u2028 anchor weigh?")
    expect(turn.locator(".answer")).to_contain_text("made of iron")
    expect(turn.locator(".sources .source")).not_to_have_count(0)


def test_leafing_back_before_a_page_is_there_shows_the_page_that_is_said(
    tab: Reader, lectern: LecternServer
) -> None:
    document = lectern.add("log.pdf", files.pdf([[f"Page {n}."] for n in (1, 2, 3)]))
    tab.open(f"?document={document['id']}&page=1")
    picture = tab.page.locator("#reader-view img")
    expect(picture).to_have_attribute("alt", "Page 1 of log.pdf")
    tab.page.route("**/pages/2.png*", lambda _route: None)  # never there
    tab.page.get_by_role("button", name="Next page").click()
    tab.page.get_by_role("button", name="Page before").click()
    expect(tab.page.locator("#reader-page")).to_have_value("1")
    expect(picture).to_have_attribute("alt", "Page 1 of log.pdf")
    for _ in range(2):
        tab.page.locator("#reader-view").press("ArrowRight")
    expect(picture).to_have_attribute("alt", "Page 3 of log.pdf")
    tab.page.fill("#reader-page", "abc")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#reader-page")).to_have_value("3")


def test_an_upload_that_broke_off_is_tried_again_and_can_be_taken_away(tab: Reader) -> None:
    tab.open("?view=documents")
    tries: list[str] = []

    def refuse(route: Route) -> None:
        if route.request.method == "POST":
            tries.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    tab.page.route("**/documents", refuse)
    row = tab.page.locator("#uploads .document", has_text="mast.txt")
    tab.choose_files({"name": "mast.txt", "mimeType": "text/plain", "buffer": b"The mast."})
    expect(row.locator(".problem")).to_contain_text("connection was lost")
    for _ in range(100):
        if len(tries) == 3:
            break
        tab.page.wait_for_timeout(100)
    tab.page.wait_for_timeout(1000)
    assert len(tries) == 3
    tab.page.unroute("**/documents")
    tab.page.get_by_role("button", name="Try mast.txt again").click()
    listed = tab.page.locator("#document-list .document", has_text="mast.txt")
    expect(listed).to_contain_text("1 page")
    expect(row).to_have_count(0)


def test_a_conversation_that_is_deleted_stays_away_while_it_may_be_undone(
    tab: Reader, llm: ScriptedLlm, lectern: LecternServer
) -> None:
    llm.script(say(ANSWER))
    tab.open()
    tab.page.get_by_role("button", name="New conversation").click()
    tab.answer("What does the anchor weigh today?")
    row = tab.page.locator("#conversations li", has_text="anchor weigh today")
    row.hover()
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    tab.answer(QUESTION)  # which lists the conversations anew
    expect(row).to_have_count(0)
    tab.page.goto("about:blank")
    for _ in range(100):
        listed = lectern.http.get("/conversations").json()["conversations"]
        if not [one for one in listed if "today" in one["title"]]:
            return
        tab.page.wait_for_timeout(50)
    raise AssertionError("the conversation was not deleted")
