"""File bytes to pages of text with structure, in a child process with limits."""
