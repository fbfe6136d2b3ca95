"""The development data: files with questions, each set in a collection of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lectern.evaluation.golden import Golden, read_golden

LANGUAGES = ("en", "de", "zh")
FILINGS = "filings"


@dataclass(frozen=True, slots=True)
class DataSet:
    """Files, their questions, and the collection they are in."""

    collection: str
    files: Sequence[Path]
    questions: Sequence[Golden]

    @property
    def has_pages(self) -> bool:
        """Whether its questions name pages; else they name paragraphs."""
        return self.collection == FILINGS

    def left_out(self, golden: Golden) -> dict[str, object]:
        """The filter under which the documents that answer the question are not there.

        Of filings, those of the same company: their names begin with it.
        """
        name = golden.document or ""
        gone = [name]
        if self.has_pages:
            company = name.partition("_")[0]
            gone = [path.name for path in self.files if path.name.startswith(company)]
        return {"and": [{"not": {"filename": one}} for one in gone]}


def data_sets(data: Path) -> list[DataSet]:
    """Both folders of filings as one set, and an encyclopedia in three languages."""
    folders = [data / "filings", data / "filings-more"]
    filings = DataSet(
        FILINGS,
        [path for folder in folders for path in sorted(folder.glob("*.pdf"))],
        [golden for folder in folders for golden in read_golden(folder / "questions.jsonl")],
    )
    wikis = [
        DataSet(
            f"wiki-{language}",
            sorted((data / "wiki" / language).glob("*.txt")),
            read_golden(data / "wiki" / language / "questions.jsonl"),
        )
        for language in LANGUAGES
    ]
    return [filings, *wikis]
