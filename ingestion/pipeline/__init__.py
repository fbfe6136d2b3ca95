"""One version from its original to its nodes, told to the registry on the way."""
