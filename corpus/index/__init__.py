"""The node index: one `NodeStore` over Qdrant Edge (in this process) or a Qdrant server."""
