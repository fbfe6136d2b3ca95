"""The child process in which files are parsed, and what it may not do."""
