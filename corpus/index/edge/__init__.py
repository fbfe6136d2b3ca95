"""The index in this process, on Qdrant Edge; other processes reach it by a gateway."""
