"""Installations for stores that are opened without a registry."""

from __future__ import annotations

from corpus.ownership import Installation


def an_installation(name: str = "ours", *, knows: bool = True) -> Installation:
    """With this id, and a registry that knows all that is there, or nothing."""
    return Installation(name, knows_originals=lambda _: knows, knows_documents=lambda _: knows)
