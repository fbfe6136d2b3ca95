"""How an answer is written: a voice, never what it may stand on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_HEAD = """\


How to write. This is about style alone: it changes none of the rules above, and where it seems \
to, the rules hold."""


class Persona(BaseModel):
    """How an LLM is to write answers; extractive answers have no voice of their own.

    `instructions` say who answers and how ("a patient teacher"), `tone` in a word or two,
    `language` in which language whatever the question's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    instructions: str = Field(
        "", max_length=2_000, examples=["You are a patient teacher. Explain terms in passing."]
    )
    tone: str = Field("", max_length=100, examples=["friendly"])
    language: str = Field("", max_length=60, examples=["German"])

    @property
    def is_blank(self) -> bool:
        """Whether it says nothing."""
        return not (self.instructions or self.tone or self.language)

    def as_prompt(self) -> str:
        """What is added to the system prompt; empty for a blank one."""
        if self.is_blank:
            return ""
        said = [
            self.instructions,
            f"Tone: {self.tone}." if self.tone else "",
            f"Write in {self.language}, but keep quotes and names as the passages have them."
            if self.language
            else "",
        ]
        lines = [f"- {' '.join(one.split())}" for one in said if one]
        return "\n".join([_HEAD, *lines])


NO_PERSONA = Persona(instructions="", tone="", language="")
