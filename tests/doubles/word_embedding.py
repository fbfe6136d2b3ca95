"""An embedding that is close for texts that share words, without a model."""

from __future__ import annotations

import asyncio
import zlib

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding

from service.wording.words import content_words

DIMENSION = 512


class WordEmbedding(BaseEmbedding):
    """Each content word adds 1 at a place that depends on the word; vectors have length 1."""

    def _get_text_embedding(self, text: str) -> list[float]:
        vector = np.zeros(DIMENSION)
        for word in content_words(text):
            vector[zlib.crc32(word.encode()) % DIMENSION] += 1.0
        found: list[float] = (vector / max(float(np.linalg.norm(vector)), 1e-9)).tolist()
        return found

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, query)
