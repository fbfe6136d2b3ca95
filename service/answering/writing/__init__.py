"""Answers that an LLM writes, checked while it writes."""
