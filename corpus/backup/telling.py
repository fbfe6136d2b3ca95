"""How a long work says how far it is."""

from __future__ import annotations

from collections.abc import Callable

# What is being done, and how many of it are done.
Tell = Callable[[str, int], None]
