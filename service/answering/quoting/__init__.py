"""Answers made of the documents' own sentences, and how much speaks for them."""
