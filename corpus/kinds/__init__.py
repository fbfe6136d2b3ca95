"""Which kind a file is, told by its bytes; and which kinds are read."""
