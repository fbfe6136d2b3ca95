"""Question to cited answer: the FastAPI application, retrieval and answering."""
