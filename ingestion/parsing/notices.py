"""The warnings that several parsers give, each made in one place."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.reports import ReadingWarning

# A sentence names so many pages; the warning's `pages` has them all.
_NAMED_PAGES = 8


def pages_beyond_limit(read: int, total: int) -> ReadingWarning:
    """Only the first pages were read; the others are too many to name."""
    return ReadingWarning(
        "pages_beyond_limit", f"Only the first {read} of {total} pages were read."
    )


def pages_damaged(pages: Sequence[int]) -> ReadingWarning:
    """These pages could not be read."""
    verb = "is damaged and was" if len(pages) == 1 else "are damaged and were"
    return ReadingWarning(
        "pages_damaged", f"{named(pages).capitalize()} {verb} not read.", tuple(pages)
    )


def pages_need_ocr(pages: Sequence[int]) -> ReadingWarning:
    """These pages are pictures, and their text was not recognised."""
    verb = "is a picture" if len(pages) == 1 else "are pictures"
    return ReadingWarning(
        "pages_need_ocr", f"{named(pages).capitalize()} {verb} without text.", tuple(pages)
    )


def pictures_not_read(pages: Sequence[int]) -> ReadingWarning:
    """These pages are pictures but for a few words, which alone were read."""
    verb = "is a picture" if len(pages) == 1 else "are pictures"
    return ReadingWarning(
        "pictures_not_read",
        f"{named(pages).capitalize()} {verb} with a few words beside: only those were read.",
        tuple(pages),
    )


def unmapped_characters(pages: Sequence[int]) -> ReadingWarning:
    """A fair part of these pages' characters has no known meaning."""
    return ReadingWarning(
        "unmapped_characters",
        f"The file does not say which characters the glyphs of {named(pages)} are, "
        "so that some of the text is likely wrong.",
        tuple(pages),
    )


def hidden_text(how: str, pages: Sequence[int] = (), *, kept: bool = True) -> ReadingWarning:
    """Text that a reader does not see; `how` it is hidden, as the end of a sentence."""
    where = f" on {named(pages)}" if pages else ""
    fate = "It was read like the rest." if kept else "It was left out."
    return ReadingWarning("hidden_text", f"There is text{where} that {how}. {fate}", tuple(pages))


def named(pages: Sequence[int]) -> str:
    """Say "page 3", "pages 3, 5 and 9", or the first of many and how many more."""
    if len(pages) == 1:
        return f"page {pages[0]}"
    shown = [str(page) for page in pages[:_NAMED_PAGES]]
    rest = len(pages) - len(shown)
    last = f"{rest} more" if rest else shown.pop()
    return f"pages {', '.join(shown)} and {last}"
