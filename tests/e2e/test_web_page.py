"""The story of the web page, from a dropped file to the marked sentence, in a real browser."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.conftest import ROOT
from tests.e2e.browsing import Reader, reading
from tests.e2e.server import LecternServer
from tests.samples import files

SAMPLE = ROOT / "docs/sample/lighthouse.pdf"
QUESTION = "When is the lens cleaned?"
SENTENCE = "The lens is cleaned on Monday and Thursday mornings"

DROP = """([name, bytes]) => {
  const transfer = new DataTransfer();
  const content = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
  transfer.items.add(new File([content], name));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(
      new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture
def lectern(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(make_data_dir(), LECTERN_OCR="off", LECTERN_MAX_FILE_MB="1") as running:
        yield running


@pytest.fixture
def tab(browser: Browser, lectern: LecternServer) -> Iterator[Reader]:
    with reading(browser, lectern.url, viewport={"width": 1440, "height": 900}) as reader:
        yield reader


def marked_share(picture: bytes) -> float:
    """How much of a screenshot has the colour of the mark."""
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("RGB"))
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return float(np.mean((red > 240) & (green > 200) & (blue < 150)))


def test_from_a_dropped_file_to_the_marked_sentence(tab: Reader) -> None:
    tab.open()
    page = tab.page
    expect(page.get_by_role("heading", name="Ask your own documents")).to_be_visible()
    page.evaluate(DROP, ["lighthouse.pdf", base64.b64encode(SAMPLE.read_bytes()).decode()])
    page.get_by_role("tab", name="Documents").click()
    row = page.locator(".document", has_text="lighthouse.pdf")
    expect(row).to_contain_text("3 pages")

    turn = tab.answer(QUESTION)
    expect(turn.locator(".answer")).to_contain_text(SENTENCE)
    chip = turn.locator(".answer .chip").first
    chip.hover()
    expect(page.get_by_role("tooltip")).to_contain_text(SENTENCE)
    expect(page.get_by_role("tooltip")).to_contain_text("lighthouse.pdf, page 1")
    chip.click()
    picture = page.locator("#reader-view img")
    expect(picture).to_be_visible()
    assert picture.get_attribute("data-boxes") == "2"
    assert marked_share(picture.screenshot()) > 0.003

    before = picture.bounding_box()
    page.get_by_role("button", name="Larger").click()
    larger = picture.bounding_box()
    assert before is not None
    assert larger is not None
    assert larger["width"] > 1.5 * before["width"]
    page.get_by_role("button", name="Larger").click()

    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_label("Page", exact=True).first).to_have_value("2")
    expect(page.locator("#reader-view img")).to_have_attribute("alt", "Page 2 of lighthouse.pdf")
    page.get_by_role("button", name="Text").click()
    expect(page.locator("#reader-view .text")).to_be_visible()
    page.get_by_role("button", name="Page before").click()
    expect(page.locator("#reader-view mark")).to_contain_text(SENTENCE)


def test_a_link_leads_to_the_same_answer_and_page(tab: Reader, browser: Browser) -> None:
    tab.open()
    tab.page.get_by_role("button", name="Try a sample document").click()
    expect(tab.page.locator("#document-count")).to_have_text("1")
    expect(tab.page.locator("#working")).to_be_hidden()
    turn = tab.answer(QUESTION)
    turn.locator(".source").first.click()
    expect(tab.page.locator("#reader-view img")).to_be_visible()
    assert {"conversation", "document", "page", "start", "end"} <= set(tab.said())
    with reading(browser, tab.url) as other:
        other.page.goto(tab.page.url)
        expect(other.page.locator(".turn .answer")).to_contain_text(SENTENCE)
        expect(other.page.locator("#reader-view img")).to_have_attribute("data-boxes", "2")
    tab.page.go_back()
    expect(tab.page.locator("#reader")).to_be_hidden()
    tab.page.reload()
    expect(tab.page.locator(".turn .answer")).to_contain_text(SENTENCE)


def test_other_kinds_show_their_text_with_the_passage_marked(tab: Reader) -> None:
    tab.open()
    # A character that is two in the browser's strings stands before the passage.
    text = "Notes \U0001f980\n\nThe crane lifts 40 tons.\n\nThe quay is made of oak.\n"
    tab.choose_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": text.encode()})
    expect(tab.page.locator("#document-count")).to_have_text("1")
    expect(tab.page.locator("#working")).to_be_hidden()
    tab.answer("What does the crane lift?").locator(".source").first.click()
    expect(tab.page.locator("#reader-view mark")).to_have_text("The crane lifts 40 tons.")
    expect(tab.page.get_by_role("button", name="Text")).to_be_hidden()


def test_what_is_not_in_the_documents_looks_so(tab: Reader) -> None:
    tab.open()
    tab.choose_files(str(SAMPLE))
    expect(tab.page.locator("#document-count")).to_have_text("1")
    expect(tab.page.locator("#working")).to_be_hidden()
    turn = tab.answer("Who won the football world cup in 1998?")
    expect(turn.get_by_role("heading", name="Not in your documents")).to_be_visible()
    expect(turn.locator(".answer .chip")).to_have_count(0)


def test_what_fails_says_why_and_what_to_do(tab: Reader) -> None:
    tab.open("?view=documents")
    tab.choose_files(
        {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 broken"},
        {"name": "noise.xyz", "mimeType": "", "buffer": bytes(range(256))},
        {"name": "large.txt", "mimeType": "text/plain", "buffer": b"word " * 300_000},
    )
    for name, problem in (
        ("broken.pdf", "This PDF is damaged"),
        ("noise.xyz", "of no kind that is read here"),
        ("large.txt", "larger than the 1 MiB accepted"),
    ):
        row = tab.page.locator(".document", has_text=name)
        expect(row.locator(".problem")).to_contain_text(problem)
        expect(row.locator(".advice")).not_to_be_empty()
    tab.page.get_by_role("button", name="Read broken.pdf again").click()
    expect(tab.page.locator(".document", has_text="broken.pdf")).to_contain_text("damaged")
    tab.page.get_by_role("button", name="Take noise.xyz away").click()
    expect(tab.page.locator(".document", has_text="noise.xyz")).to_have_count(0)


def test_deleting_can_be_undone_for_a_moment(tab: Reader, lectern: LecternServer) -> None:
    kept = lectern.add("kept.txt", b"The keeper keeps a cat.")
    gone = lectern.add("gone.txt", b"The keeper keeps a dog.")
    tab.open("?view=documents")
    for name in ("kept.txt", "gone.txt"):
        tab.page.get_by_role("button", name=f"Delete {name}").click()
        expect(tab.page.locator(".document", has_text=name)).to_have_count(0)
        if name == "kept.txt":
            tab.page.get_by_role("button", name="Undo").click()
            expect(tab.page.locator(".document", has_text=name)).to_have_count(1)
    # Whoever leaves before the moment is over has it deleted too.
    tab.page.goto("about:blank")
    assert lectern.http.get(f"/documents/{kept['id']}").status_code == 200
    for _ in range(100):
        if lectern.http.get(f"/documents/{gone['id']}").status_code == 404:
            break
        tab.page.wait_for_timeout(50)
    else:
        raise AssertionError("the document was not deleted")


def test_a_document_is_replaced_and_found_by_its_name(tab: Reader, lectern: LecternServer) -> None:
    lectern.add("boat.pdf", files.pdf([["The boat weighs 90 tons."]]))
    lectern.add("other.txt", b"Something else.")
    tab.open("?view=documents")
    tab.page.get_by_label("Search by file name").fill("BOAT")
    expect(tab.page.locator(".document")).to_have_count(1)
    with tab.page.expect_file_chooser() as chosen:
        tab.page.get_by_role("button", name="Replace boat.pdf").click()
    chosen.value.set_files(
        {
            "name": "boat.pdf",
            "mimeType": "application/pdf",
            "buffer": files.pdf([["The boat weighs 75 tons."]]),
        }
    )
    expect(tab.page.locator(".toast")).to_contain_text("takes the place")
    expect(tab.page.locator(".document")).to_contain_text("1 page")
    expect(tab.page.locator(".document progress, .document .track")).to_have_count(0)
    turn = tab.answer("What does the boat weigh?")
    expect(turn.locator(".answer")).to_contain_text("75 tons")


def test_collections_and_conversations_are_kept_apart(tab: Reader, lectern: LecternServer) -> None:
    lectern.add("boat.txt", b"The boat weighs 90 tons.", collection="harbour")
    lectern.add("crane.txt", b"The crane lifts 40 tons.", collection="quay")
    tab.open("?collection=harbour")
    tab.answer("What does the boat weigh?")
    conversations = tab.page.locator("#conversations li")
    expect(conversations).to_have_count(1)
    tab.page.get_by_role("button", name="quay").click()
    expect(tab.page.locator(".turn")).to_have_count(0)
    expect(conversations).to_have_text("None yet")
    tab.answer("What does the crane lift?")

    conversations.first.hover()
    tab.page.get_by_role("button", name="Rename “What does the crane lift?”").click()
    tab.page.get_by_label("Title").fill("Lifting")
    tab.page.keyboard.press("Enter")
    expect(conversations.first).to_contain_text("Lifting")
    conversations.first.hover()
    tab.page.get_by_role("button", name="Delete “Lifting”").click()
    expect(tab.page.locator(".turn")).to_have_count(0)
    tab.page.get_by_role("button", name="Undo").click()
    expect(conversations.first).to_contain_text("Lifting")

    tab.page.get_by_label("Name of a new collection").fill("tower")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#collections [aria-current=true]")).to_contain_text("tower")
    expect(tab.page.get_by_role("heading", name="Ask your own documents")).to_be_visible()


def test_an_answer_is_rated_and_copied_with_its_sources(
    browser: Browser, lectern: LecternServer
) -> None:
    lectern.add("boat.txt", b"The boat weighs 90 tons.")
    with reading(browser, lectern.url, permissions=["clipboard-read", "clipboard-write"]) as tab:
        tab.open()
        turn = tab.answer("What does the boat weigh?")
        turn.get_by_role("button", name="Good answer").click()
        expect(turn.get_by_role("button", name="Good answer")).to_have_attribute(
            "aria-pressed", "true"
        )
        turn.get_by_role("button", name="Copy").click()
        expect(tab.page.locator(".toast")).to_contain_text("Copied")
        copied = tab.page.evaluate("navigator.clipboard.readText()")
        assert "[1] boat.txt, page 1: “The boat weighs 90 tons.”" in copied
        tab.page.reload()
        expect(tab.page.get_by_role("button", name="Good answer")).to_have_attribute(
            "aria-pressed", "true"
        )


def test_everything_is_within_reach_of_the_keyboard(tab: Reader, lectern: LecternServer) -> None:
    lectern.add("lighthouse.pdf", SAMPLE.read_bytes())
    tab.open("?view=documents")
    page = tab.page
    page.locator("#main").focus()
    page.keyboard.press("/")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("When is the lens")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("cleaned?")
    page.keyboard.press("Enter")
    expect(page.locator(".sources .source")).not_to_have_count(0)
    expect(page.locator(".asked")).to_have_text("When is the lens\ncleaned?")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Your question")).to_have_value("When is the lens\ncleaned?")

    page.locator(".answer .chip").first.focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#reader-title")).to_be_focused()
    expect(page.locator("#reader-view img")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#reader-page")).to_have_value("2")
    page.keyboard.press("Escape")
    expect(page.locator("#reader")).to_be_hidden()
    expect(page.locator(".answer .chip").first).to_be_focused()


def test_a_folder_is_added_with_all_that_is_in_it(tab: Reader, tmp_path: Path) -> None:
    (tmp_path / "notes" / "old").mkdir(parents=True)
    (tmp_path / "notes" / "boat.txt").write_text("The boat weighs 90 tons.")
    (tmp_path / "notes" / "old" / "crane.txt").write_text("The crane lifts 40 tons.")
    (tmp_path / "notes" / "Thumbs.db").write_bytes(b"\0\1\2")
    tab.open("?view=documents")
    tab.page.set_input_files("#folder", str(tmp_path / "notes"))
    for name in ("boat.txt", "crane.txt"):
        expect(tab.page.locator(".document", has_text=name)).to_contain_text("1 page")
    expect(tab.page.locator(".document")).to_have_count(2)


def test_the_tab_key_goes_through_the_page_in_its_order(
    tab: Reader, lectern: LecternServer
) -> None:
    lectern.add("boat.txt", b"The boat weighs 90 tons.")
    tab.open()
    tab.page.locator(".skip").focus()
    seen = []
    for _ in range(6):
        tab.page.keyboard.press("Tab")
        seen.append(
            tab.page.evaluate(
                """() => {
                  const one = document.activeElement;
                  const said = one.labels?.[0]?.textContent ?? one.textContent;
                  return (one.getAttribute("aria-label") ?? said).trim().replace(/\\s+/g, " ");
                }"""
            )
        )
    assert seen[:6] == [
        "New conversation",
        "default1",
        "Name of a new collection",
        "Ask",
        "Add files",
        "Your question",
    ]


def test_on_a_phone_the_keys_stay_in_the_open_source(
    browser: Browser, lectern: LecternServer
) -> None:
    lectern.add("lighthouse.pdf", SAMPLE.read_bytes())
    with reading(browser, lectern.url, viewport={"width": 390, "height": 844}) as tab:
        tab.open()
        chip = tab.answer(QUESTION).locator(".answer .chip").first
        chip.click()
        expect(tab.page.locator("#reader-view img")).to_be_visible()
        for _ in range(12):
            tab.page.keyboard.press("Tab")
            assert tab.page.evaluate(
                "() => !document.querySelector('main').contains(document.activeElement)"
            )
        tab.page.locator("#reader-close").click()
        expect(chip).to_be_focused()
