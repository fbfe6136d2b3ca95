"""From the data folder to servers: nodes to Qdrant, rows to Postgres, originals elsewhere."""
