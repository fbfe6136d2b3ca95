"""How many tokens a text has, about: only the model knows. Pure."""

from __future__ import annotations

# Measured by bytes, because that is right within a factor of two for every script: English has
# about four bytes a token, tables of figures and Chinese about three.
BYTES_PER_TOKEN = 3


def estimate_tokens(text: str) -> int:
    """About how many tokens an LLM sees, rather too many than too few."""
    return len(text.encode(errors="replace")) // BYTES_PER_TOKEN + 1
