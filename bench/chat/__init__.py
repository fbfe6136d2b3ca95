"""How long a chat takes beside its LLM, and how many at a time, against stock LlamaIndex."""
