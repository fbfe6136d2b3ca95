"""sentence-transformers on torch, same weights; run by the other environment's interpreter.

Arguments: the folder of the weights, threads, a file with a JSON list of texts, where to write the
vectors (.npy). Prints one JSON object: seconds of the fastest of the rounds. Imports nothing of
Lectern.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch  # type: ignore[import-not-found]
from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

BATCH_TEXTS = 32  # the library's own default
ROUNDS = 2


def main() -> None:
    """Load, warm up, measure."""
    weights, threads = sys.argv[1], int(sys.argv[2])
    texts = json.loads(Path(sys.argv[3]).read_text())
    torch.set_num_threads(threads)
    model = SentenceTransformer(weights, device="cpu")
    model.encode(texts[:BATCH_TEXTS])
    seconds = []
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        vectors = model.encode(texts, batch_size=BATCH_TEXTS, normalize_embeddings=True)
        seconds.append(time.perf_counter() - started_s)
    np.save(sys.argv[4], vectors)
    print(json.dumps({"seconds": min(seconds)}))


if __name__ == "__main__":
    main()
