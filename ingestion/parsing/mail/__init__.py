"""Mail and the files in it."""
