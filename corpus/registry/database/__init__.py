"""The database under the registry: SQLite in a file, or Postgres."""
