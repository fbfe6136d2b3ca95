"""What clients send to have a chat completed.

Fields that are not here are accepted and ignored: clients send many that no document answers to.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from service.asking.question import DEFAULT_COLLECTION

# Only with a bound does pydantic refuse half a surrogate pair, which nothing could search for.
Text = Annotated[str, Field(min_length=0)]


class Part(BaseModel):
    """A piece of a message; only those of the type `text` are read."""

    type: str
    text: Text | None = None


def _kind(content: Any) -> str:  # noqa: ANN401  anything that JSON can say
    return "parts" if isinstance(content, list) else "text"


# With the tag, an error speaks of the kind that was sent instead of the first that it might be.
Content = Annotated[
    Annotated[Text, Tag("text")] | Annotated[list[Part], Tag("parts")], Discriminator(_kind)
]


class Message(BaseModel):
    """A message; null is the content of an assistant's message that calls tools."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None

    @property
    def text(self) -> str:
        """What is said in it, without what is no text."""
        if isinstance(self.content, list):
            return "\n".join(
                part.text for part in self.content if part.type == "text" and part.text
            )
        return self.content or ""


class StreamOptions(BaseModel):
    """What to add to a stream."""

    include_usage: bool | None = None


class CompletionRequest(BaseModel):
    """A conversation whose last user message is the question.

    System and developer messages are not followed: answers come from the documents alone. Sampling
    parameters, tools, response formats and unknown fields are ignored.
    """

    model: str = Field(description="A collection.", examples=[DEFAULT_COLLECTION])
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1, description="There is one answer: more than 1 is an error.")

    @property
    def include_usage(self) -> bool:
        """Whether a stream is to end with the tokens used."""
        return bool(self.stream_options and self.stream_options.include_usage)
