"""The web page as it looks: `python -m tests.e2e.take_screenshots` writes docs/screenshots anew.

Each state in three widths, light and dark: look at them after a change of the page.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.conftest import ROOT
from tests.e2e.browsing import Reader, launched, reading
from tests.e2e.server import LecternServer
from tests.samples import files

FOLDER = ROOT / "docs/screenshots"
SAMPLE = ROOT / "docs/sample/lighthouse.pdf"
SIZES = ((390, 844), (820, 1100), (1440, 900))
SCHEMES = ("light", "dark")
# A document that takes a while.
LONG = [
    [f"Entry {page * 30 + line}: the lamp was trimmed." for line in range(30)]
    for page in range(400)
]


def _empty(tab: Reader, _server: LecternServer) -> None:
    tab.open("?collection=new")


def _answer(tab: Reader, _server: LecternServer) -> None:
    tab.open("?collection=station")
    tab.answer("When is the lens cleaned?").locator(".source").first.click()
    expect(tab.page.locator("#reader-view img")).to_be_visible()


def _withheld(tab: Reader, _server: LecternServer) -> None:
    tab.open("?collection=station")
    tab.answer("Which bulb does the lamp use?")


def _ingestion(tab: Reader, _server: LecternServer) -> None:
    tab.open("?collection=reading&view=documents")
    pdf = "application/pdf"
    tab.choose_files(
        {"name": "lighthouse.pdf", "mimeType": pdf, "buffer": SAMPLE.read_bytes()},
        {"name": "logbook.pdf", "mimeType": pdf, "buffer": files.pdf(LONG)},
    )
    state = tab.page.locator(".document", has_text="logbook.pdf").locator(".state")
    expect(state).to_contain_text(re.compile(r"\d of \d"))


def _error(tab: Reader, _server: LecternServer) -> None:
    tab.open("?collection=failed&view=documents")
    tab.choose_files(
        {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 broken"},
        {"name": "noise.xyz", "mimeType": "", "buffer": bytes(range(256))},
    )
    expect(tab.page.locator(".document .problem")).to_have_count(2)


STATES: dict[str, Callable[[Reader, LecternServer], None]] = {
    "empty": _empty,
    "answer": _answer,
    "not-in-documents": _withheld,
    "error": _error,
    "ingestion": _ingestion,
}


def _tidy(server: LecternServer) -> None:
    """As if nothing had been asked or added."""
    for collection in ("reading", "failed"):
        server.http.delete(f"/collections/{collection}")
    for said in server.http.get("/conversations").json()["conversations"]:
        server.http.delete(f"/conversations/{said['id']}")


def main() -> int:
    """Take them all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        data_dir = Path(folder) / "data"
        data_dir.mkdir()
        with LecternServer(data_dir, LECTERN_OCR="off") as server:
            server.add("lighthouse.pdf", SAMPLE.read_bytes(), collection="station")
            for width, height in SIZES:
                for scheme in SCHEMES:
                    for state, bring_about in STATES.items():
                        with reading(
                            browser,
                            server.url,
                            viewport={"width": width, "height": height},
                            color_scheme=scheme,
                        ) as tab:
                            bring_about(tab, server)
                            tab.page.mouse.move(0, 0)
                            tab.page.wait_for_timeout(400)
                            picture = Image.open(BytesIO(tab.page.screenshot()))
                            picture.save(FOLDER / f"{state}-{width}-{scheme}.webp", quality=82)
                        _tidy(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
