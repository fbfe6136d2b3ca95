"""Open the embedding that the settings name."""

from __future__ import annotations

from dataclasses import dataclass

from llama_index.core.base.embeddings.base import BaseEmbedding

from corpus.embedding.fingerprint import CHUNKER_VERSION, EmbeddingFingerprint
from corpus.embedding.graph_cache import Precision
from corpus.embedding.tokens import TokenCounter, TokenizerFile
from corpus.embedding.weights import model_folder, tokenizer_file
from corpus.errors import Misconfigured
from corpus.settings import BUILT_IN_EMBEDDING, Settings


@dataclass(frozen=True)
class OpenedEmbedding:
    """A model ready to use, and what others must know of it.

    `limit_tokens` is the longest text that is embedded whole, special tokens included; None when
    only the endpoint knows.
    """

    model: BaseEmbedding
    tokens: TokenCounter
    fingerprint: EmbeddingFingerprint
    dimension: int
    limit_tokens: int | None


def open_embedding(settings: Settings, threads: int, precision: Precision) -> OpenedEmbedding:
    """Open the built-in model on `threads` threads, or the endpoint, which is asked once.

    `precision` is the built-in model's: float32 for questions, int8 for documents by the thousand.
    With an endpoint, tokens are counted by the built-in model's tokenizer, because the protocol
    does not tell; for English the counts of common models differ by about a tenth.
    Raises WeightsMissing, Misconfigured, or EmbeddingUnavailable when the endpoint does not answer.
    """
    tokens = TokenizerFile(tokenizer_file(model_folder()))
    if settings.embedding == BUILT_IN_EMBEDDING:
        return _open_built_in(settings, threads, precision, tokens)
    return _open_endpoint(settings, tokens)


def _open_built_in(
    settings: Settings, threads: int, precision: Precision, tokens: TokenCounter
) -> OpenedEmbedding:
    from corpus.embedding import minilm  # noqa: PLC0415 - an endpoint needs no ONNX Runtime

    return OpenedEmbedding(
        model=minilm.MiniLmEmbedding.open(settings.data_dir / "models", threads, precision),
        tokens=tokens,
        fingerprint=EmbeddingFingerprint(
            model=BUILT_IN_EMBEDDING,
            dimension=minilm.DIMENSION,
            pooling="mean",
            prefix="",
            normalised=True,
            chunker_version=CHUNKER_VERSION,
        ),
        dimension=minilm.DIMENSION,
        limit_tokens=minilm.LIMIT_TOKENS,
    )


def _open_endpoint(settings: Settings, tokens: TokenCounter) -> OpenedEmbedding:
    if not settings.embedding.startswith(("http://", "https://")):
        raise Misconfigured(
            f"LECTERN_EMBEDDING is {settings.embedding!r}.",
            hint=f"Set it to {BUILT_IN_EMBEDDING}, or to a base URL such as http://localhost/v1.",
        )
    if not settings.embedding_model:
        raise Misconfigured(
            "LECTERN_EMBEDDING names an endpoint and LECTERN_EMBEDDING_MODEL is empty.",
            hint="Set LECTERN_EMBEDDING_MODEL to the model's name at that endpoint.",
        )
    from corpus.embedding.openai_like import open_remote_embedding  # noqa: PLC0415 - 1 s to import

    key = settings.embedding_api_key
    model = open_remote_embedding(
        settings.embedding,
        settings.embedding_model,
        key.get_secret_value() if key else None,
        settings.embedding_timeout_s,
    )
    dimension = len(model.get_text_embedding("dimension"))
    return OpenedEmbedding(
        model=model,
        tokens=tokens,
        fingerprint=EmbeddingFingerprint(
            model=settings.embedding_model,
            dimension=dimension,
            pooling="endpoint",
            prefix="",
            normalised=False,
            chunker_version=CHUNKER_VERSION,
        ),
        dimension=dimension,
        limit_tokens=None,
    )
