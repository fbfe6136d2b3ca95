"""What the ingestion worker and the query service must agree on.

Settings, errors, values, the document registry (SQL), the originals, the embedding
and the node index (Qdrant); and what both do in the background. Nothing here knows about HTTP or
about how a file is parsed.
"""
