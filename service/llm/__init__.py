"""Calls of the LLM: guarded against an endpoint that is away, streamed, counted."""
