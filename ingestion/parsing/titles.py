"""Whether a title that a file carries about itself reads like one."""

from __future__ import annotations

import re

from ingestion.parsing.text.characters import clean_text

_MAX_TITLE_CHARS = 200
_JUNK = re.compile(
    r"untitled|document\s*\d*$|microsoft (word|powerpoint|excel)|powerpoint presentation|"
    r"(slide|page|book|sheet)\s*\d*$|\(anonymous\)|no title|title$|"
    r".*\.(docx?|pptx?|xlsx?|pdf|indd|tex|dvi|ps|html?|rtf|qxd|cdr|pmd|jpe?g|png|tiff?)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{3,}|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{2,}")


def plausible_title(title: str | None, *, single_word: bool = True) -> str | None:
    """`title` on one line, or None if it looks like a file name, a number or a default.

    `single_word=False` also refuses titles of one word: PDF producers fill in identifiers.
    """
    cleaned = " ".join(clean_text(title or "").split())
    if len(cleaned) > _MAX_TITLE_CHARS or _JUNK.match(cleaned) or not _WORD.search(cleaned):
        return None
    return cleaned if single_word or " " in cleaned else None
