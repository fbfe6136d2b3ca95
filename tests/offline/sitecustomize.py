"""Python runs this at start-up in processes whose PYTHONPATH has this folder: tests' children."""

from refuse import refuse_outgoing_connections  # type: ignore[import-not-found]  # beside this file

refuse_outgoing_connections()
