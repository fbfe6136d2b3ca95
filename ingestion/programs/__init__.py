"""Other people's programs (Tesseract, LibreOffice), run within limits."""
