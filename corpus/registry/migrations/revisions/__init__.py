"""One module for each step of the tables; the newest is `corpus.registry.migrations.HEAD`."""
