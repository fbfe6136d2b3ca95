"""From a parsed document and its nodes to the report that people read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil
from statistics import median

from llama_index.core.schema import MetadataMode, TextNode

from corpus.embedding.tokens import TokenCounter
from corpus.reports import ChunkTokens, PageStatistics, ReadingWarning, StageTimings, VersionReport
from corpus.text.instructions import gives_instructions
from corpus.values import PageText
from ingestion.chunking.chunking import SPECIAL_TOKENS
from ingestion.parsing.notices import named, pages_need_ocr, unmapped_characters
from ingestion.parsing.parsed import ParsedDocument, ParsedPage

_UNKNOWN = re.compile("[\ufffd\ue000-\uf8ff]")  # the replacement character, private use
# Fewer than this on a page are dingbats and logos of a symbol font.
_WORTH_A_WARNING = 0.05


def page_records(parsed: ParsedDocument) -> list[PageText]:
    """The pages as the registry keeps them, each with how well it was read."""
    needing_ocr = frozenset(parsed.pages_needing_ocr)
    return [
        PageText(
            page.number,
            page.text,
            page.start_char,
            PageStatistics(
                coverage=0.0 if page.number in needing_ocr else round(1 - _unmapped(page), 4),
                tables=sum(block.kind == "table" for block in page.blocks),
                by_ocr=page.by_ocr,
            ),
        )
        for page in parsed.pages
    ]


def report_of(
    parsed: ParsedDocument,
    pages: Sequence[PageText],
    chunk_tokens: Sequence[int],
    *,
    parser: str,
    timings_ms: StageTimings,
) -> VersionReport:
    """The report; `pages` are the records of `parsed`, `chunk_tokens` the size of each chunk."""
    return VersionReport(
        parser=parser,
        characters=sum(len(page.text) for page in pages),
        tables=sum(page.statistics.tables for page in pages),
        pages_by_ocr=sum(page.statistics.by_ocr for page in pages),
        chunk_tokens=_summary(sorted(chunk_tokens)),
        warnings=(*parsed.warnings, *_found_in(parsed)),
        timings_ms=timings_ms,
    )


def embedded_tokens(nodes: Sequence[TextNode], tokens: TokenCounter) -> list[int]:
    """How many tokens the embedding reads of each node, special ones included."""
    return [
        len(tokens.offsets(node.get_content(MetadataMode.EMBED))) + SPECIAL_TOKENS for node in nodes
    ]


def _found_in(parsed: ParsedDocument) -> list[ReadingWarning]:
    """What the text itself shows, whichever parser it came from."""
    found: list[ReadingWarning] = []
    if parsed.pages_needing_ocr:
        found.append(pages_need_ocr(parsed.pages_needing_ocr))
    unmapped = [page.number for page in parsed.pages if _unmapped(page) > _WORTH_A_WARNING]
    if unmapped:
        found.append(unmapped_characters(unmapped))
    instructing = tuple(page.number for page in parsed.pages if gives_instructions(page.text))
    if instructing:
        detail = (
            f"The text of {named(instructing)} gives instructions to a language model. "
            "They are read as text, and not followed."
        )
        found.append(ReadingWarning("instructions_in_text", detail, instructing))
    return found


def _unmapped(page: ParsedPage) -> float:
    """The share of the page's characters, white space apart, that mean nothing known."""
    visible = len("".join(page.text.split()))
    unknown = len(_UNKNOWN.findall(page.text))
    return max(page.unmapped_share, unknown / visible) if visible else 0.0


def _summary(sizes: Sequence[int]) -> ChunkTokens | None:
    """Of sizes in ascending order; None of none."""
    if not sizes:
        return None
    # The smallest size that nine tenths of the chunks do not exceed.
    p90 = sizes[ceil(0.9 * len(sizes)) - 1]
    return ChunkTokens(sizes[0], round(median(sizes)), p90, sizes[-1])
