"""What a presentation holds beside its slides' text: charts and speaker notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import pptx

from ingestion.parsing.parsed import BlockDraft
from ingestion.parsing.tables import table_draft
from ingestion.parsing.text.characters import clean_text
from ingestion.parsing.web.markup import row_text


def charts_and_notes(file: IO[bytes]) -> list[list[BlockDraft]]:
    """For each slide in order: a table for each chart, then the notes."""
    return [[*_charts(slide.shapes), *_notes(slide)] for slide in pptx.Presentation(file).slides]


def _charts(shapes: Any) -> Iterator[BlockDraft]:  # noqa: ANN401 - groups and slides alike
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _charts(shape.shapes)
        elif getattr(shape, "has_chart", False):
            yield table_draft(clean_text("\n".join(_chart_rows(shape.chart))))


def _chart_rows(chart: Any) -> Iterator[str]:  # noqa: ANN401 - python-pptx has no chart type
    """The chart's title, then its categories, then each series with its values."""
    if chart.has_title and chart.chart_title.has_text_frame:
        yield chart.chart_title.text_frame.text
    for plot in chart.plots:
        yield row_text(["", *(str(category) for category in plot.categories)])
        for series in plot.series:
            values = ["" if value is None else f"{value:.15g}" for value in series.values]
            yield row_text([series.name, *values])


def _notes(slide: Any) -> Iterator[BlockDraft]:  # noqa: ANN401 - the same
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        text = slide.notes_slide.notes_text_frame.text
        yield BlockDraft(kind="text", text=clean_text(text))
