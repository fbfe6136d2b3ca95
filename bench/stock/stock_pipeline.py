"""The stock LlamaIndex pipeline on PDFs; run by the other environment's interpreter.

Arguments: the folder of the weights, chunk size in tokens, then the files. Prints one JSON object:
pages, chunks, tokens (as the model's tokenizer counts the chunks), characters, seconds, peak_bytes.
Imports nothing of Lectern.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time

from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.node_parser import SentenceSplitter
from llama_index.embeddings.huggingface import (  # type: ignore[import-not-found]
    HuggingFaceEmbedding,
)
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient
from transformers import AutoTokenizer  # type: ignore[import-not-found]


def main() -> None:
    """Load the model first, as a server would have; then measure files to stored vectors."""
    weights, chunk_tokens, paths = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    model = HuggingFaceEmbedding(model_name=weights, device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model.get_text_embedding("warm")
    with tempfile.TemporaryDirectory() as folder:
        started_s = time.perf_counter()
        documents = SimpleDirectoryReader(input_files=paths).load_data()
        splitter = SentenceSplitter(
            chunk_size=chunk_tokens,
            chunk_overlap=0,
            tokenizer=lambda text: tokenizer.encode(text, add_special_tokens=False),
        )
        nodes = splitter.get_nodes_from_documents(documents)
        client = QdrantClient(path=folder)
        store = QdrantVectorStore(client=client, collection_name="stock")
        VectorStoreIndex(
            nodes,
            storage_context=StorageContext.from_defaults(vector_store=store),
            embed_model=model,
        )
        seconds = time.perf_counter() - started_s
        stored = client.count("stock").count
        client.close()
    texts = [node.get_content() for node in nodes]
    print(
        json.dumps(
            {
                "pages": len(documents),
                "chunks": stored,
                "tokens": sum(
                    len(tokenizer.encode(text, add_special_tokens=False)) for text in texts
                ),
                "chars": sum(len(text) for text in texts),
                "seconds": seconds,
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
