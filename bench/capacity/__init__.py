"""What so many chunks, questions and pages a day need, and the figures it is computed from."""
