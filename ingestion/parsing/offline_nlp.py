"""Give `unstructured` a sentence and word pipeline that needs no download.

`unstructured.nlp.tokenize` loads the spaCy model `en_core_web_sm` and, where it is not installed,
fetches it from a code host and writes it into site-packages: without a network even a `.md` file
fails, and a service must not install software while it parses. It uses the pipeline for one thing,
guessing whether a line is a title or prose ("does it hold a verb?", "how many sentences?"), and
has no setting to pass another one. So this is the one place in Lectern that replaces a function
inside a third-party module. The installed model is used when there is one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.language import Language

MODEL = "en_core_web_sm"

# Closed classes: the auxiliaries and the verbs common enough that a line holding one is prose.
# fmt: off
_VERBS = [
    "am", "are", "be", "been", "being", "can", "could", "did", "do", "does",
    "had", "has", "have", "is", "may", "might", "must", "shall", "should", "was",
    "were", "will", "would", "get", "gets", "give", "given", "gives", "go", "goes",
    "include", "included", "includes", "keep", "keeps", "made", "make", "makes", "need", "needs",
    "say", "says", "see", "show", "shown", "shows", "take", "taken", "takes", "use",
    "used", "uses", "want",
]
# fmt: on
_VERB_ENDING = r"^[a-z]{3,}(?:ed|ing|ize|izes|ise|ises|ify|ifies)$"


def install() -> None:
    """Make `unstructured` use the local pipeline, in this process; a second call does nothing new.

    Imports spaCy and `unstructured` (seconds): call it in the parser process only.
    """
    from unstructured.nlp import tokenize  # noqa: PLC0415 - seconds

    tokenize._get_nlp = _pipeline  # noqa: SLF001 - no public seam; see above


@lru_cache(maxsize=1)
def _pipeline() -> Language:
    import spacy  # noqa: PLC0415 - seconds

    if spacy.util.is_package(MODEL):
        return spacy.load(MODEL, exclude=["ner", "lemmatizer", "attribute_ruler"])
    return rule_pipeline()


def rule_pipeline() -> Language:
    """Blank English: rule-based sentences, and the tag VB on what looks like a verb."""
    import spacy  # noqa: PLC0415 - seconds

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("attribute_ruler")
    ruler.add(  # type: ignore[attr-defined]
        patterns=[[{"LOWER": {"IN": _VERBS}}], [{"LOWER": {"REGEX": _VERB_ENDING}}]],
        attrs={"TAG": "VB"},
    )
    return nlp
