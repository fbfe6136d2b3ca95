"""HTML, and EPUB which is made of it."""
