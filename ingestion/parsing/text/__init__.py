"""Plain text, and what makes text out of bytes."""
