"""Our pipeline beside stock LlamaIndex and stock `unstructured`, on the same PDFs.

`python -m bench.stock` runs it (bench/stock/__main__.py says how).
"""
