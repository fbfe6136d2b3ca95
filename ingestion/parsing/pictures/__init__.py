"""Picture files, and pages as pictures for OCR."""
