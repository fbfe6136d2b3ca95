"""One question, from its words to an answer that is kept."""
