"""Text from pictures of pages, by Tesseract."""
