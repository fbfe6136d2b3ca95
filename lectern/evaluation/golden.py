"""A golden set: questions of which is known where the answer stands, or that there is none."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from corpus.errors import InvalidRequest

MAX_HISTORY = 16


class Golden(BaseModel):
    """A line of a golden set. Unknown fields are allowed: such files carry remarks.

    `document` is a file name; `pages`, from 1, are those of which any answers it, `paragraph` the
    place of the one that does, from 0, among the document's paragraphs (parted by blank lines).
    `answer` is text that a right answer contains. With `answerable` false the documents do not
    tell. `history` are questions that are asked before it, in the same conversation.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    question: str = Field(min_length=1)
    answer: str | None = None
    document: str | None = None
    pages: frozenset[int] = frozenset()
    paragraph: int | None = Field(default=None, ge=0)
    answerable: bool = True
    history: tuple[str, ...] = Field(default=(), max_length=MAX_HISTORY)

    @model_validator(mode="after")
    def _place_needs_document(self) -> Golden:
        if (self.pages or self.paragraph is not None) and self.document is None:
            raise ValueError("pages and paragraph need a document")
        return self

    @property
    def has_place(self) -> bool:
        """Whether it is known where the answer stands."""
        return self.answerable and self.document is not None


def read_golden(path: Path) -> list[Golden]:
    """The questions of a JSONL file, in order. Raises InvalidRequest, which names the line."""
    questions: list[Golden] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", hint=_HINT) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8 text.", hint=_HINT) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            questions.append(Golden.model_validate_json(line))
        except ValidationError as error:
            problem = error.errors()[0]
            field = ".".join(str(part) for part in problem["loc"])
            said = f"{field}: {problem['msg']}" if field else problem["msg"]
            raise InvalidRequest(f"{path}, line {number}: {said}", hint=_HINT) from error
    if not questions:
        raise InvalidRequest(f"{path} holds no question.", hint=_HINT)
    return questions


_HINT = (
    'One JSON object a line: {"question": "...", "answer": "...", "document": "a.pdf", '
    '"pages": [3]}, {"question": "...", "answerable": false}, or {"question": "And in 2021?", '
    '"history": ["How much was it in 2022?"], ...}.'
)
