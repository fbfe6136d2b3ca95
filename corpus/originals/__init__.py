"""The uploaded bytes: on their way in, and kept."""
