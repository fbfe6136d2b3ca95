"""From a question to live nodes: the filter grammar, hybrid retrieval, the registry's last word."""
