"""The stock way: LlamaIndex's CondensePlusContextChatEngine behind FastAPI, on a local Qdrant.

    python -m bench.chat.stock_chat STORE_FOLDER MODELS_FOLDER LLM_URL PORT

The embedding is Lectern's (float32), so that only the pipelines differ. Streams plain text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from llama_index.core import VectorStoreIndex
from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.llms.openai_like import OpenAILike
from llama_index.vector_stores.qdrant import QdrantVectorStore
from pydantic import BaseModel
from qdrant_client import QdrantClient

from corpus.embedding.minilm import MiniLmEmbedding

COLLECTION = "stock"
TOP_K = 8


class Message(BaseModel):
    """What is asked."""

    message: str


def create_app(store: Path, models: Path, llm_url: str) -> FastAPI:
    """The application, as the documentation of both has it."""
    llm = OpenAILike(
        model="at-once", api_base=llm_url, api_key="none", is_chat_model=True, max_retries=0
    )
    index = VectorStoreIndex.from_vector_store(
        QdrantVectorStore(client=QdrantClient(path=str(store)), collection_name=COLLECTION),
        embed_model=MiniLmEmbedding.open(models, 1, "float32"),
    )
    retriever = index.as_retriever(similarity_top_k=TOP_K)
    app = FastAPI()

    @app.post("/chat")
    def chat(body: Message) -> StreamingResponse:
        engine = CondensePlusContextChatEngine.from_defaults(retriever=retriever, llm=llm)
        response = engine.stream_chat(body.message)

        def pieces() -> Iterator[str]:
            yield from response.response_gen

        return StreamingResponse(pieces(), media_type="text/plain")

    return app


if __name__ == "__main__":
    application = create_app(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[4]), log_level="warning")
