"""An OpenAI-compatible `/v1/embeddings` endpoint whose failures are ours to name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import openai
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.embeddings.openai_like import OpenAILikeEmbedding

from corpus.errors import EmbeddingUnavailable

# The smallest limit among the common servers is 32 texts a call (text-embeddings-inference).
_CALL_TEXTS = 32
# Tries of LlamaIndex; the HTTP client under it retries as often again, so a call is sent twice.
_MAX_RETRIES = 1
# The client refuses an empty key, and servers without keys ignore it.
_NO_KEY = "none"
# What LlamaIndex and the client raise when the body is not what the protocol says.
_WRONG_SHAPE = (ValueError, TypeError, AttributeError, LookupError)


class RemoteEmbedding(OpenAILikeEmbedding):
    """The vectors of the endpoint, as they come. Every failure raises EmbeddingUnavailable."""

    @classmethod
    def class_name(cls) -> str:
        """Return the name LlamaIndex shows in its events."""
        return "RemoteEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        with _failures_named():
            return _checked([query], [super()._get_query_embedding(query)])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        with _failures_named():
            return _checked([query], [await super()._aget_query_embedding(query)])[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        with _failures_named():
            return _checked([text], [super()._get_text_embedding(text)])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        with _failures_named():
            return _checked([text], [await super()._aget_text_embedding(text)])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        with _failures_named():
            return _checked(texts, super()._get_text_embeddings(texts))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        with _failures_named():
            return _checked(texts, await super()._aget_text_embeddings(texts))


def open_remote_embedding(
    base_url: str, model: str, api_key: str | None, timeout_s: float
) -> BaseEmbedding:
    """Return an embedding that calls `base_url`/embeddings; nothing is sent yet.

    `timeout_s` limits one request, in seconds; a failed one is sent once more.
    """
    return RemoteEmbedding(
        model_name=model,
        api_base=base_url,
        api_key=api_key or _NO_KEY,
        timeout=timeout_s,
        max_retries=_MAX_RETRIES,
        embed_batch_size=_CALL_TEXTS,
    )


def _checked(texts: list[str], vectors: list[list[float]]) -> list[list[float]]:
    if len(vectors) != len(texts):
        raise ValueError(f"{len(vectors)} vectors for {len(texts)} texts")
    if not all(vectors):
        raise ValueError("an empty vector")
    return vectors


@contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except openai.OpenAIError as error:
        raise EmbeddingUnavailable(f"The embedding endpoint failed: {error}") from error
    except _WRONG_SHAPE as error:
        raise EmbeddingUnavailable(
            f"The embedding endpoint answered in an unknown form: {error}"
        ) from error
