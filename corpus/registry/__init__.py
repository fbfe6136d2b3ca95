"""The document registry: SQL that decides what exists, what is live and what waits.

A unit of work is opened at the edge of a request or a job (`Registry.read`, `Registry.write`) and
its connection is passed to the functions of the modules here, which never commit.
"""
