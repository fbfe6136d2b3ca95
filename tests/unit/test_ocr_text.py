from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingestion.ocr.merge import with_readings
from ingestion.ocr.tsv import PageReading, read_tsv
from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.pdf.lines import BROKEN_WORD

Word = tuple[int, int, int, float, str]  # block, paragraph, line, confidence, text


def table(*words: Word) -> str:
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf"
    rows = [
        f"5\t1\t{block}\t{paragraph}\t{line}\t{number}\t0\t0\t9\t9\t{confidence}\t{text}"
        for number, (block, paragraph, line, confidence, text) in enumerate(words)
    ]
    return "\n".join([f"{head}\ttext", "2\t1\t1\t0\t0\t0\t0\t0\t9\t9\t-1\t", *rows])


def test_words_are_put_together_to_lines_and_paragraphs_in_the_order_given() -> None:
    reading = read_tsv(
        table(
            (1, 1, 1, 90, "The"),
            (1, 1, 1, 90, "anchor"),
            (1, 1, 2, 90, "weighs."),
            (1, 2, 1, 90, "Next."),
            (2, 1, 1, 90, "Column."),
        )
    )
    assert reading.paragraphs == ("The anchor\nweighs.", "Next.", "Column.")
    assert reading.confidence == 0.9


def test_lines_of_low_confidence_and_lines_of_marks_are_dropped() -> None:
    reading = read_tsv(
        table((1, 1, 1, 12, "jf~i"), (1, 1, 2, 95, "|"), (1, 1, 3, 80, "Words"), (2, 1, 1, 95, " "))
    )
    assert reading == PageReading(("Words",), 0.8)


def test_an_uncertain_word_in_a_certain_line_is_kept() -> None:
    reading = read_tsv(table((1, 1, 1, 10, "90"), (1, 1, 1, 95, "kilograms")))
    assert reading.paragraphs == ("90 kilograms",)


def test_a_word_broken_at_a_line_end_is_marked() -> None:
    reading = read_tsv(
        table((1, 1, 1, 90, "inter-"), (1, 1, 2, 90, "national"), (1, 1, 3, 90, "5-"))
    )
    assert reading.paragraphs == (f"inter{BROKEN_WORD}national\n5-",)


def test_a_picture_without_words_is_a_blank_page() -> None:
    assert read_tsv(table()) == PageReading((), 0.0)
    assert read_tsv("") == PageReading((), 0.0)


@given(st.text())
def test_any_table_is_read(text: str) -> None:
    reading = read_tsv(text)
    assert 0 <= reading.confidence <= 1


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.integers(1, 2),
            st.integers(1, 3),
            st.floats(0, 100),
            st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"])),
        )
    )
)
def test_what_is_read_has_words_in_every_line_and_no_line_that_is_blank(words: list[Word]) -> None:
    reading = read_tsv(table(*words))
    assert 0 <= reading.confidence <= 1
    for paragraph in reading.paragraphs:
        for line in paragraph.split("\n"):
            assert line.strip() == line != ""
            assert any(char.isalnum() for char in line)


def document(texts: list[str]) -> ParsedDocument:
    """Pages of these texts, a block for each word; pages without text need OCR."""
    return assemble(
        (
            (number, [BlockDraft(kind="text", text=word) for word in text.split()])
            for number, text in enumerate(texts, start=1)
        ),
        pages_needing_ocr=tuple(n for n, text in enumerate(texts, start=1) if not text.split()),
    )


def test_recognised_pages_take_their_place_and_the_others_move() -> None:
    read = with_readings(
        document(["one", "", "three", "", ""]),
        {2: PageReading(("recog" + BROKEN_WORD + "nised", "text"), 0.9), 4: PageReading((), 0.0)},
        {5: "It took too long."},
    )
    assert [page.text for page in read.pages] == ["one", "recognised\n\ntext", "three", "", ""]
    assert [page.by_ocr for page in read.pages] == [False, True, False, False, False]
    assert read.pages[1].ocr_confidence == 0.9
    assert read.pages_needing_ocr == (5,)
    assert [(warning.code, warning.pages) for warning in read.warnings] == [
        ("ocr_found_nothing", (4,)),
        ("ocr_failed", (5,)),
    ]


@given(
    st.lists(st.text("ab ", max_size=8), min_size=1, max_size=6),
    st.dictionaries(st.integers(1, 6), st.lists(st.text("xy-", max_size=8), max_size=3)),
)
def test_every_block_is_found_at_its_offsets(
    texts: list[str], recognised: dict[int, list[str]]
) -> None:
    before = document(texts)
    readings = {
        number: PageReading(tuple(recognised[number]), 0.5)
        for number in before.pages_needing_ocr
        if number in recognised
    }
    after = with_readings(before, readings, {})
    whole = "\f".join(page.text for page in after.pages)
    for page in after.pages:
        assert whole[page.start_char : page.start_char + len(page.text)] == page.text
        blocks = [whole[block.start_char : block.end_char] for block in page.blocks]
        assert "\n\n".join(blocks) == page.text
    assert set(after.pages_needing_ocr) == set(before.pages_needing_ocr) - set(readings)
