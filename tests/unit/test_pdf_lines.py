from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.pdf.lines import (
    BROKEN_WORD,
    Line,
    hyphenated_words,
    join_rows,
    paragraphs,
    rejoin_words,
)
from ingestion.parsing.text.characters import clean_text


def line(text: str, *, left: float = 72, bottom: float, right: float = 200) -> Line:
    return Line(text, left, bottom, bottom + 12, right, bottom, bottom + 12)


lines = st.lists(
    st.builds(
        line,
        st.text("abc ", min_size=1),
        left=st.floats(0, 600),
        bottom=st.floats(0, 800),
        right=st.floats(0, 600),
    )
)


@given(lines)
def test_no_text_is_lost_or_reordered(given_lines: list[Line]) -> None:
    joined = "".join(paragraphs(join_rows(given_lines)))
    assert "".join(joined.split()) == "".join("".join(x.text for x in given_lines).split())


def test_a_wider_gap_than_usual_ends_a_paragraph() -> None:
    page = [
        line(text, bottom=y) for text, y in zip("abcde", (700, 686, 672, 640, 626), strict=True)
    ]
    assert paragraphs(page) == ["a\nb\nc", "d\ne"]


def test_double_spacing_alone_ends_none() -> None:
    page = [line(text, bottom=y) for text, y in zip("abcd", (700, 670, 640, 610), strict=True)]
    assert paragraphs(page) == ["a\nb\nc\nd"]


def test_a_line_further_up_begins_a_new_column() -> None:
    page = [line("a", bottom=100), line("b", bottom=86), line("c", left=320, bottom=700)]
    assert paragraphs(page) == ["a\nb", "c"]


def test_only_what_is_to_the_right_joins_a_row() -> None:
    same = [line("name", bottom=700), line("1", left=300, right=310, bottom=701)]
    assert [row.text for row in join_rows(same)] == ["name 1"]
    back = [line("right", left=300, right=400, bottom=700), line("left", bottom=700)]
    assert [row.text for row in join_rows(back)] == ["right", "left"]


def test_hyphens_of_the_typesetter_go_and_those_of_the_word_stay() -> None:
    known = hyphenated_words(["a dual-encoder framework"])
    text = "ef~ficient dual~encoder COVID~19 stay-at~home".replace("~", BROKEN_WORD)
    assert rejoin_words(text, known) == "efficient dual-encoder COVID-19 stay-at-home"


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@given(st.text())
def test_cleaned_text_can_be_stored_and_holds_nothing_invisible(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode()
    assert not set(cleaned) & set("\0\r\f\x0b\u00ad\u200b\ufeff\u00a0")
    assert len(cleaned) <= 3 * len(text)


def test_cleaning_keeps_what_is_seen() -> None:
    assert clean_text("ef\ufb01cient\u00a0co\u00ad\nop \r\n100\u202f%") == "efficient coop\n100 %"
