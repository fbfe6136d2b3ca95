"""The processes of a server: how they are made, watched, repaired and ended."""
