"""What `lectern doctor` looks at, by theme. Each finding is a sentence and what to do."""
