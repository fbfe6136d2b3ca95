"""The web page of a server with keys, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.conftest import ROOT
from tests.e2e.browsing import Reader, reading
from tests.e2e.keys import lectern_keys
from tests.e2e.server import LecternServer


@pytest.fixture(scope="module")
def lectern(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(make_data_dir(), LECTERN_OCR="off") as running:
        running.add("lighthouse.pdf", (ROOT / "docs/sample/lighthouse.pdf").read_bytes())
        yield running


@pytest.fixture
def tab(browser: Browser, lectern: LecternServer) -> Iterator[Reader]:
    with reading(browser, lectern.url) as reader:
        yield reader


def dialog_of(tab: Reader) -> Locator:
    return tab.page.get_by_role("dialog", name="Sign in")


def sign_in(tab: Reader, key: str) -> None:
    dialog_of(tab).get_by_label("Key").fill(key)
    dialog_of(tab).get_by_role("button", name="Sign in").click()


def test_a_key_opens_the_page_until_it_is_revoked_or_given_back(
    tab: Reader, lectern: LecternServer
) -> None:
    first = lectern_keys(lectern.data_dir, "create", "first", "--scope", "read")
    second = lectern_keys(
        lectern.data_dir, "create", "second", "--scope", "read", "--scope", "write"
    )
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.goto(tab.url)
    expect(dialog_of(tab)).to_be_visible()
    sign_in(tab, "lk_wrong")
    expect(dialog_of(tab)).to_contain_text("not accepted")
    sign_in(tab, first)
    expect(dialog_of(tab)).to_be_hidden()

    # Pictures of pages and originals come with the key too.
    turn = tab.answer("How much lamp oil is kept?")
    turn.locator(".answer button").first.click()
    expect(tab.page.locator("#reader-view img")).to_be_visible()
    with tab.page.expect_download() as download:
        tab.page.locator("#reader-original").click()
    assert download.value.suggested_filename == "lighthouse.pdf"

    rotated = lectern_keys(lectern.data_dir, "rotate", "first", "--grace-hours", "0")
    tab.ask("Which day does the relief boat come?")
    expect(dialog_of(tab)).to_contain_text("not accepted")
    sign_in(tab, rotated)
    expect(tab.page.locator(".turn .answer").last).to_contain_text("Tuesday")

    lectern_keys(lectern.data_dir, "revoke", "first")
    tab.ask("And who pays it?")
    expect(dialog_of(tab)).to_contain_text("not accepted")
    sign_in(tab, second)
    # The conversation was the other key's.
    expect(tab.page.locator(".turn").last).to_contain_text("There is no conversation")

    tab.page.get_by_role("button", name="Sign out").click()
    expect(dialog_of(tab)).to_be_visible()
    expect(tab.page.locator(".turn")).to_have_count(0)
    stored = tab.page.evaluate("JSON.stringify([sessionStorage, localStorage])")
    for key in (first, rotated, second):
        assert key not in stored
        assert not any(key in url for url in asked), "a key stands in an address"


def test_where_no_key_is_needed_there_is_nothing_to_sign_out_of(
    browser: Browser, make_data_dir: Callable[[], Path]
) -> None:
    with LecternServer(make_data_dir()) as server, reading(browser, server.url) as tab:
        tab.open()
        expect(tab.page.get_by_role("button", name="Sign out")).to_be_hidden()
