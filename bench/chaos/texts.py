"""Small documents, each with a word that no other one has: its marker."""

from __future__ import annotations

import hashlib
import io
import json
import random
from dataclasses import dataclass

import docx

from bench.generated.pdf import text_pdf

KINDS = ("md", "txt", "csv", "html", "json", "docx", "pdf")
_SUBJECTS = ("copper", "wheat", "granite", "linen", "amber", "cedar", "salt", "wool")
_LINES_PER_PAGE = 40
_LONGEST_LINES = 160


@dataclass(frozen=True, slots=True)
class Text:
    """One state of a document: `marker` is in every sentence of it, and nowhere else."""

    marker: str
    filename: str
    content: bytes
    lines: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the content, lower-case hex."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def question(self) -> str:
        """A question that only this text answers."""
        return f"What did the {self.marker} station record?"


def make_text(rng: random.Random) -> Text:
    """A text of one to some 160 sentences; most are short."""
    marker = f"zx{rng.getrandbits(48):012x}"
    kind = rng.choice(KINDS)
    count = max(1, int(_LONGEST_LINES * rng.random() ** 4))
    lines = [
        f"The {marker} station recorded {rng.randrange(10, 900)} units of "
        f"{rng.choice(_SUBJECTS)} on day {day + 1}."
        for day in range(count)
    ]
    return Text(marker, f"{marker}.{kind}", _encoded(kind, marker, lines), tuple(lines))


def _encoded(kind: str, marker: str, lines: list[str]) -> bytes:
    if kind == "docx":
        return _docx(marker, lines)
    if kind == "pdf":
        starts = range(0, len(lines), _LINES_PER_PAGE)
        return text_pdf([lines[start : start + _LINES_PER_PAGE] for start in starts])
    return _plain(kind, marker, lines).encode()


def _plain(kind: str, marker: str, lines: list[str]) -> str:
    match kind:
        case "md":
            return f"# Station {marker}\n\n{_paragraphs(lines)}\n"
        case "csv":
            rows = "\n".join(f'{number},"{line}"' for number, line in enumerate(lines))
            return f"number,report of {marker}\n{rows}\n"
        case "html":
            body = "".join(f"<p>{line}</p>" for line in lines)
            return f"<html><body><h1>Station {marker}</h1>{body}</body></html>"
        case "json":
            return json.dumps({"station": marker, "reports": lines}, indent=1)
    return _paragraphs(lines)


def _paragraphs(lines: list[str]) -> str:
    return "\n\n".join(" ".join(lines[start : start + 4]) for start in range(0, len(lines), 4))


def _docx(marker: str, lines: list[str]) -> bytes:
    document = docx.Document()
    document.add_heading(f"Station {marker}", level=1)
    for line in lines:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()
