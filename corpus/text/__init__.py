"""What is known of running text: where sentences end, and whether it speaks to a model."""
