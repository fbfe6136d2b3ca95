"""What a text says in words, and a question as it is searched for. Pure."""
