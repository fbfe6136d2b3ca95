"""Stock `unstructured` reading PDFs with strategy="fast"; run by the other environment.

Arguments: the files. Prints one JSON object: pages, chars, seconds. Imports nothing of Lectern.
"""

from __future__ import annotations

import json
import sys
import time

import spacy
from unstructured.nlp import tokenize
from unstructured.partition.pdf import partition_pdf


def main() -> None:
    """Measure without the time that importing takes."""
    _tokenize_locally()
    pages = chars = 0
    started_s = time.perf_counter()
    for path in sys.argv[1:]:
        elements = partition_pdf(path, strategy="fast")
        pages += max((element.metadata.page_number or 0 for element in elements), default=0)
        chars += sum(len(element.text) for element in elements)
    seconds = time.perf_counter() - started_s
    print(json.dumps({"pages": pages, "chars": chars, "seconds": seconds}))


def _tokenize_locally() -> None:
    """Keep it from fetching a spaCy model on first use: a blank pipeline that tags by rules."""
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    ruler = pipeline.add_pipe("attribute_ruler")
    verb = {"LOWER": {"REGEX": "^(is|are|was|were|has|had)$|ed$|ing$"}}
    ruler.add(patterns=[[verb]], attrs={"TAG": "VB"})  # type: ignore[attr-defined]
    tokenize._get_nlp = lambda: pipeline  # type: ignore[assignment]  # noqa: SLF001 - no seam


if __name__ == "__main__":
    main()
