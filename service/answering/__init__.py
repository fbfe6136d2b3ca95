"""From nodes to an answer with citations: extractive without a model, written with one."""
