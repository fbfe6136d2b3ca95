"""Retrieval, answers and abstention on the development data, beside what they are to reach."""
