"""The built-in embedding: its speed and exactness, and the ranges that its int8 form rounds by."""
