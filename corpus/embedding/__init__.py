"""Text to vectors: all-MiniLM-L6-v2 on ONNX Runtime, or an OpenAI-compatible endpoint."""
