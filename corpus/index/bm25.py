"""BM25 sparse vectors, made by Qdrant Edge's own encoder for both stores, so both rank alike.

The encoder weighs terms by their frequency (k 1.2, b 0.75, average length 256 tokens, stemming and
stop words of the text's language); the engine multiplies by the inverse document frequency when it
searches. It needs no model and no download.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpus.index.languages import encoder_of, language_of, languages_of

SparseVectors = tuple[list[list[int]], list[list[float]]]

# Scripts written without spaces: Han, kana, Thai, Lao, Burmese, Khmer.
_UNSPACED = re.compile(
    r"[\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+"
)


class Bm25Encoder:
    """Texts to sparse vectors, in the shape of LlamaIndex's `sparse_doc_fn` and `sparse_query_fn`.

    Both methods give (indices, values), each one list a text, in the order of the texts. A text
    of nothing but stop words has an empty vector.

    Where words are not parted by spaces, every character and every pair of neighbours is a term.
    Measured on Chinese (XQuAD, 632 questions; the passage is first, among the first 5), with the
    chunks of that time: 0.853 and 0.984; with the engine's own word segmentation 0.858 and 0.981,
    0.106 and 0.174 without either.
    """

    def encode_documents(
        self, texts: Sequence[str], languages: Sequence[str] | None = None
    ) -> SparseVectors:
        """Vectors to store: values are saturated term frequencies, at least 0.

        `languages` are those of the texts (ISO 639-1); told from the texts when they are missing.
        """
        spoken = languages if languages is not None else [language_of(text) for text in texts]
        vectors = [
            encoder_of(language).embed_document(_spaced(text))
            for text, language in zip(texts, spoken, strict=True)
        ]
        return [vector.indices for vector in vectors], [vector.values for vector in vectors]

    def encode_queries(self, texts: Sequence[str]) -> SparseVectors:
        """Vectors to search with: every distinct term has the value 1.0.

        A question too short to tell its language has the terms of each that it may be in: with all
        17 languages at once, German hit@5 was 0.943 instead of 0.946.
        """
        rows = [
            sorted(
                {
                    index
                    for language in languages_of(text)
                    for index in encoder_of(language).embed_query(_spaced(text)).indices
                }
            )
            for text in texts
        ]
        return rows, [[1.0] * len(row) for row in rows]


def _spaced(text: str) -> str:
    return _UNSPACED.sub(_pairs_and_characters, text)


def _pairs_and_characters(match: re.Match[str]) -> str:
    run = match.group()
    pairs = (run[at : at + 2] for at in range(len(run) - 1))
    return f" {' '.join([*pairs, *run])} "
