"""The endpoints of the REST API, each module with its shapes beside it."""
