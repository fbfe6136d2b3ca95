"""The web page in a real browser, as a reader of it sees and uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.installed import require_program

# Machines of CI are slow, and what is waited for ends the waiting.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium, without a window."""
    program = require_program("chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program) as browser,
    ):
        yield browser


@dataclass
class Reader:
    """One tab; `errors` are what the page's scripts threw or were not allowed to do."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)

    def open(self, place: str = "") -> None:
        self.page.goto(f"{self.url}/{place}")
        self.page.locator("#collections li").first.wait_for(state="attached")

    def choose_files(self, *files: Any) -> None:  # noqa: ANN401  what Playwright takes
        self.page.set_input_files("#files", list(files))

    def ask(self, question: str) -> Locator:
        """Ask by keyboard; the turn."""
        self.page.get_by_role("tab", name="Ask").click()
        before = self.page.locator(".turn").count()
        self.page.fill("#question", question)
        self.page.press("#question", "Enter")
        return self.page.locator(".turn").nth(before)

    def answer(self, question: str) -> Locator:
        """Ask and wait for the end; the turn."""
        turn = self.ask(question)
        expect(turn).not_to_have_attribute("aria-busy", "true")
        expect(turn.locator(".actions, .note")).not_to_have_count(0)
        return turn

    def said(self) -> dict[str, str]:
        """What the address bar says."""
        return dict(pair.split("=", 1) for pair in re.findall(r"[?&]([^=&]+=[^&]*)", self.page.url))


@contextmanager
def reading(browser: Browser, url: str, **context: Any) -> Iterator[Reader]:  # noqa: ANN401
    """A tab of its own; it fails at the end if the page's scripts failed."""
    with browser.new_context(**context) as opened:
        opened.set_default_timeout(PATIENCE_MS)
        reader = Reader(opened.new_page(), url)
        reader.page.on("pageerror", lambda error: reader.errors.append(str(error)))
        reader.page.on(
            "console",
            lambda message: (
                reader.errors.append(message.text)
                if "Content Security Policy" in message.text
                else None
            ),
        )
        yield reader
        assert reader.errors == []
