"""What holds for the chunks of any document, and how sections are kept together."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import MetadataMode, TextNode

from corpus.embedding.tokens import TokenCounter, TokenizerFile
from corpus.embedding.weights import model_folder, tokenizer_file
from ingestion.chunking.chunking import DocumentContext, chunk_document
from ingestion.parsing.parsed import (
    PAGE_SEPARATOR,
    BlockDraft,
    BlockKind,
    ParsedDocument,
    ParsedPage,
    assemble,
)
from ingestion.parsing.tables import table_draft

CONTEXT = DocumentContext(
    collection="default",
    document_id="3f1c0a52-7e0b-4b6a-9b57-0d6c4f0f2a11",
    version=1,
    filename="3M_2022_10K.pdf",
    media_type="application/pdf",
    created_at="2024-01-01T00:00:00Z",
)
_WORDS = st.sampled_from(
    ["Sales", "rose", "to", "$ 3,4", "U.S.", "。", "销售额", "x" * 130, "unaffordably" * 7, "a-b"]
)
_SPACES = st.sampled_from([" ", " ", ". ", "\n", "\n\n", "\t", "\x1c", "\u2029", "", "।"])
TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(st.tuples(_WORDS, _SPACES).map("".join), max_size=120).map("".join),
)
_KINDS: list[BlockKind] = ["heading", "text", "list", "table", "code"]
DRAFTS = st.one_of(
    st.builds(BlockDraft, kind=st.sampled_from(_KINDS), text=TEXTS, level=st.integers(0, 4)),
    TEXTS.map(lambda text: table_draft("Sales | Region\n" + text)),
    st.builds(lambda head, text: table_draft(f"{head}\n{text}", marked_lines=1), TEXTS, TEXTS),
)
PAGES = st.lists(st.lists(DRAFTS, max_size=5), max_size=4).map(
    lambda pages: assemble(enumerate(pages, start=1))
)


@cache
def counter() -> TokenCounter:
    return TokenizerFile(tokenizer_file(model_folder()))


def chunked(parsed: ParsedDocument, chunk_tokens: int = 64) -> list[TextNode]:
    return chunk_document(parsed, context=CONTEXT, tokens=counter(), chunk_tokens=chunk_tokens)


def document(*drafts: BlockDraft, title: str | None = None) -> ParsedDocument:
    return assemble([(1, list(drafts))], title=title)


def heading(text: str, level: int = 1) -> BlockDraft:
    return BlockDraft(kind="heading", text=text, level=level)


def prose(text: str) -> BlockDraft:
    return BlockDraft(kind="text", text=text)


def sentences(count: int, word: str = "alpha") -> str:
    """Return sentences of six tokens each."""
    return " ".join([f"This is the {word} one."] * count)


@settings(max_examples=60, deadline=None)
@given(PAGES, st.sampled_from([32, 48, 100]))
def test_offsets_are_exact_and_no_chunk_crosses_a_page(
    parsed: ParsedDocument, chunk_tokens: int
) -> None:
    whole = PAGE_SEPARATOR.join(page.text for page in parsed.pages)
    pages = {page.number: page for page in parsed.pages}
    for node in chunked(parsed, chunk_tokens):
        start, end = node.metadata["start_char"], node.metadata["end_char"]
        page = pages[node.metadata["page"]]
        assert node.text == whole[start:end]
        assert node.text.strip()
        assert page.start_char <= start < end <= page.start_char + len(page.text)


@settings(max_examples=60, deadline=None)
@given(PAGES)
def test_every_character_that_is_not_space_is_in_a_chunk(parsed: ParsedDocument) -> None:
    rest = list(PAGE_SEPARATOR.join(page.text for page in parsed.pages))
    for node in chunked(parsed):
        start, end = node.metadata["start_char"], node.metadata["end_char"]
        rest[start:end] = " " * (end - start)
    assert not "".join(rest).strip()


@settings(max_examples=60, deadline=None)
@given(PAGES, st.text(max_size=200), st.sampled_from([32, 48, 100, 256]))
def test_what_is_embedded_keeps_within_the_limit(
    parsed: ParsedDocument, title: str, chunk_tokens: int
) -> None:
    titled = parsed.model_copy(update={"title": title})
    for node in chunked(titled, chunk_tokens):
        embedded = node.get_content(MetadataMode.EMBED)
        assert len(counter().offsets(embedded)) + 2 <= chunk_tokens


@settings(max_examples=30, deadline=None)
@given(PAGES)
def test_ids_are_unique_and_the_same_every_time(parsed: ParsedDocument) -> None:
    first, again = chunked(parsed), chunked(parsed)
    assert first == again
    assert len({node.node_id for node in first}) == len(first)
    assert [node.metadata["ordinal"] for node in first] == list(range(len(first)))


def test_a_page_without_blocks_is_running_text() -> None:
    page = ParsedPage(number=1, text="Sales rose.\n\nCosts fell.", start_char=0)
    (node,) = chunked(ParsedDocument(pages=(page,)))
    assert node.text == page.text
    assert node.ref_doc_id == CONTEXT.document_id


def test_the_file_name_is_read_as_a_title_when_the_document_states_none() -> None:
    (untitled,) = chunked(document(prose("Sales rose.")))
    (titled,) = chunked(document(prose("Sales rose."), title="Annual\nReport"))
    assert untitled.get_content(MetadataMode.EMBED) == "3M 2022 10K\n\nSales rose."
    assert titled.metadata["title"] == "3M 2022 10K: Annual Report"


def test_a_paragraph_begins_a_chunk_and_short_ones_share_one() -> None:
    long, short = sentences(6), "Short."
    texts = [node.text for node in chunked(document(*map(prose, [long, long, short, short])))]
    assert texts == [long, f"{long}\n\n{short}\n\n{short}"]


def test_a_node_says_its_language_and_how_many_of_its_characters_are_digits() -> None:
    (node,) = chunked(document(prose("Die Zahl der Schiffe ist nicht mehr als 12.")))
    assert node.metadata["language"] == "de"
    assert node.metadata["figure_share"] == pytest.approx(2 / 43, abs=1e-3)
    assert "de" not in node.get_content(MetadataMode.EMBED).split()


def test_headings_above_are_carried_over_pages_and_closed_by_their_level() -> None:
    parsed = assemble(
        [
            (1, [heading("Part"), heading("Risks", 2), prose(sentences(3))]),
            (2, [prose("Second page."), heading("Credit", 3), prose(sentences(12))]),
            (3, [heading("People", 2), prose(sentences(12))]),
        ]
    )
    paths = [(node.metadata["page"], node.metadata["heading_path"]) for node in chunked(parsed)]
    assert paths == [
        (1, ""),
        (2, "Part > Risks"),
        (2, "Part > Risks > Credit"),
        (3, "Part"),
        (3, "Part > People"),
    ]


def test_a_heading_begins_a_chunk_once_enough_stands_before_it() -> None:
    parts = [heading("One"), prose(sentences(5)), heading("Two"), prose(sentences(5, "beta"))]
    first, second = chunked(document(*parts))
    assert first.text.startswith("One\n")
    assert second.text.startswith("Two\n")


def test_small_sections_share_a_chunk() -> None:
    parts = [heading("One"), prose("Alpha."), heading("Two"), prose("Beta.")]
    (only,) = chunked(document(*parts))
    assert only.text == "One\n\nAlpha.\n\nTwo\n\nBeta."


def test_a_heading_is_not_left_at_the_end_of_a_chunk() -> None:
    long_sentence = "beta " * 40
    first, second = chunked(document(prose(sentences(3)), heading("Two"), prose(long_sentence)))
    assert first.text == sentences(3)
    assert second.text == f"Two\n\n{long_sentence.strip()}"


def test_a_long_heading_stands_with_the_heading_below_it() -> None:
    parts = [heading("alpha " * 30), heading("Two", 2), prose(sentences(3))]
    (first, *_) = chunked(document(*parts))
    assert "Two" in first.text


def test_a_last_section_of_a_few_words_joins_the_one_before() -> None:
    parts = [heading("One"), prose(sentences(5)), heading("Two"), prose("Tail.")]
    (only,) = chunked(document(*parts))
    assert only.text.endswith("Two\n\nTail.")


def test_a_section_is_cut_between_sentences_that_neighbours_share() -> None:
    nodes = chunked(document(prose(sentences(20))))
    assert len(nodes) > 2
    for one, two in pairwise(nodes):
        assert one.text.endswith("one.")
        assert two.text.startswith("This is")
        shared = one.metadata["end_char"] - two.metadata["start_char"]
        assert shared == len("This is the alpha one.")


def test_nothing_is_repeated_where_the_next_sentence_needs_all_the_room() -> None:
    # 64 tokens without the title's six and two special ones.
    longest = ("beta " * 56).strip()
    *_, last = chunked(document(prose(f"{sentences(8)} Beta again. {longest.capitalize()}")))
    assert last.text == longest.capitalize()


def test_rows_of_a_table_are_kept_whole() -> None:
    rows = [f"Item {i}. Sold {i}!" for i in range(10, 50)]
    nodes = chunked(document(BlockDraft(kind="table", text="\n".join(rows))))
    assert [row for node in nodes for row in node.text.split("\n")] == rows
    assert len(nodes) > 2


def test_rows_below_the_header_say_it_and_the_first_chunk_has_it_already() -> None:
    rows = [f"Station {i} | {i * 7} | calm" for i in range(10, 60)]
    table = table_draft("\n".join(["Tides\nStation | Height | Wind", *rows]))
    first, *others = chunked(document(heading("Log"), table, title="Report"))
    assert len(others) > 2
    assert "table_header" not in first.metadata
    assert first.metadata["table_html"].startswith("<table><thead><tr><th>Tides</th></tr><tr><th>")
    for node in others:
        assert node.metadata["table_header"] == "Tides\nStation | Height | Wind"
        embedded = node.get_content(MetadataMode.EMBED)
        assert embedded == (
            f"3M 2022 10K: Report\nLog\nTides\nStation | Height | Wind\n\n{node.text}"
        )
        assert node.metadata["table_html"].count("<tr>") == 2 + len(node.text.split("\n"))
    assert [row for node in (first, *others) for row in node.text.split("\n")][-50:] == rows


def test_of_a_wide_tables_header_what_fits_is_kept_in_whole_names() -> None:
    names = [f"Column {i}" for i in range(60)]
    rows = [" | ".join(str(i) for i in range(n, n + 60)) for n in range(4)]
    table = table_draft("\n".join(["A caption", " | ".join(names), *rows]))
    *_, last = chunked(document(table))
    shown = last.metadata["table_header"].split(" | ")
    assert 2 <= len(shown) < 60
    assert shown == names[: len(shown)]


def test_text_after_a_table_does_not_say_its_header() -> None:
    table = table_draft("Region | Sales\nEast | 12")
    *_, last = chunked(document(table, prose(sentences(20))))
    assert "table_header" not in last.metadata
    assert "table_html" not in last.metadata


@pytest.mark.parametrize("kind", _KINDS)
def test_encoded_data_does_not_make_a_chunk_of_boundless_length(kind: BlockKind) -> None:
    nodes = chunked(document(BlockDraft(kind=kind, text="QUJD" * 20_000)))
    assert max(len(node.text) for node in nodes) <= 12 * 64


@pytest.mark.parametrize("kind", _KINDS)
def test_a_line_without_any_gap_is_cut_and_keeps_the_limit(kind: BlockKind) -> None:
    line = "销售额" * 400
    nodes = chunked(document(BlockDraft(kind=kind, text=line)), 32)
    assert "".join(node.text for node in nodes) == line
    assert all(len(counter().offsets(node.text)) <= 30 for node in nodes)


def test_the_rest_of_a_word_that_was_cut_is_counted_anew() -> None:
    # Its last 29 tokens are 30 when they begin a text.
    word = (
        "nessfulxjkxzqjjqvizationxjkxizationkxzqjxjkxzqingk"
        "xxjablyqvkxqvjxjzqqvfulizationqzqzqqablyjjxjablyk"
    )
    nodes = chunked(document(prose(word), title="Report"), 32)
    assert "".join(node.text for node in nodes) == word
    assert all(len(counter().offsets(node.text)) <= 29 for node in nodes)


def test_a_document_without_text_has_no_chunks() -> None:
    assert chunked(assemble([(1, []), (2, [])])) == []
