from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.answering.writing.markers import MAX_MARKER_CHARS, Marker, MarkerFilter, PlainText

# Many brackets, digits and separators, so that markers and near misses are common.
texts = st.text(alphabet="[]【】123 ,;-†a.i", max_size=40)
splits = st.lists(st.integers(0, 40), max_size=8)


def read(pieces: list[str], passage_count: int = 3) -> list[PlainText | Marker]:
    """All that comes out, neighbouring texts joined."""
    found = MarkerFilter(passage_count)
    tokens = [token for piece in pieces for token in found.feed(piece)]
    tokens += found.finish()
    joined: list[PlainText | Marker] = []
    for token in tokens:
        if isinstance(token, PlainText) and joined and isinstance(joined[-1], PlainText):
            joined[-1] = PlainText(joined[-1].text + token.text)
        else:
            joined.append(token)
    return joined


def cut(text: str, at: list[int]) -> list[str]:
    places = [0, *sorted(at), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


@given(texts, splits)
def test_how_the_stream_is_split_changes_nothing(text: str, at: list[int]) -> None:
    assert read(cut(text, at)) == read([text])


@given(texts)
def test_a_character_at_a_time_gives_the_same_as_all_at_once(text: str) -> None:
    assert read(list(text)) == read([text])


@given(st.text(alphabet="[]abc (){}.,;", max_size=60))
def test_text_without_digits_passes_through_unchanged(text: str) -> None:
    assert read([text]) == ([PlainText(text)] if text else [])


@given(st.lists(st.text(alphabet="[1, a", max_size=100), max_size=8))
def test_no_more_is_held_back_than_a_marker_takes(pieces: list[str]) -> None:
    found = MarkerFilter(3)
    held_chars = 0
    for piece in pieces:
        out = [token.text for token in found.feed(piece) if isinstance(token, PlainText)]
        held_chars += len(piece) - len("".join(out))
        assert held_chars <= MAX_MARKER_CHARS + 1


def test_a_marker_across_pieces_is_one_marker() -> None:
    assert read(["So it is [", "1", "] and"]) == [
        PlainText("So it is "),
        Marker((1,)),
        PlainText(" and"),
    ]


def test_neighbours_and_lists_are_recognised() -> None:
    assert read(["x [2][3]"]) == [PlainText("x "), Marker((2,)), Marker((3,))]
    assert read(["x [1, 2;3]"]) == [PlainText("x "), Marker((1, 2, 3))]


def test_ranges_and_other_brackets_are_recognised() -> None:
    assert read(["x [1-3]"]) == [PlainText("x "), Marker((1, 2, 3))]
    assert read(["x [1–2, 3]"]) == [PlainText("x "), Marker((1, 2, 3))]
    assert read(["x [2-9]"]) == [PlainText("x "), Marker((2, 3))]
    assert read(["x【1】y"]) == [PlainText("x"), Marker((1,)), PlainText("y")]
    assert read(["x【2†a.pdf】"]) == [PlainText("x"), Marker((2,))]


def test_made_up_numbers_are_dropped_with_the_space_before_them() -> None:
    assert read(["True [9]. False [0]."]) == [PlainText("True. False.")]
    assert read(["x [2, 9]."]) == [PlainText("x "), Marker((2,)), PlainText(".")]


def test_brackets_that_are_no_markers_stay() -> None:
    text = "a[i] = b [sic] in [2023], [0-9] {x: [y]} 【注】 and [1"
    assert read([text]) == [PlainText(text)]


def test_text_before_an_undecided_bracket_comes_out_at_once() -> None:
    assert list(MarkerFilter(3).feed("So it is[")) == [PlainText("So it is")]
