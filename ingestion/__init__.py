"""Upload to nodes: claim a job, parse its file in a sandbox, chunk, embed, index."""
