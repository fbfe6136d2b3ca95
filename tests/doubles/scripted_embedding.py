"""A real HTTP server on loopback that speaks the OpenAI embeddings protocol."""

from __future__ import annotations

import hashlib
import json

from tests.doubles.serving import Handler, Serving

DIMENSION = 64
MODEL = "scripted-embedding"


class ScriptedEmbedding(Serving):
    """Serves vectors that count hashed words, inside a `with`: shared words are close."""

    def __init__(self) -> None:
        self.texts_embedded = 0
        super().__init__(_Handler)

    @property
    def base_url(self) -> str:
        return f"{self.root_url}/v1"


class _Handler(Handler):
    double: ScriptedEmbedding

    def answer(self) -> None:
        texts = json.loads(self.body())["input"]
        self.double.texts_embedded += len(texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(text)}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        body = {"object": "list", "model": MODEL, "data": data, "usage": usage}
        self.reply(200, json.dumps(body).encode())


def _vector(text: str) -> list[float]:
    vector = [0.01] * DIMENSION
    for word in text.lower().split():
        digest = hashlib.sha256(word.strip(".,?!").encode()).digest()
        vector[digest[0] % DIMENSION] += 1.0
    return vector
