"""What is installed only where it is asked for: the extras of pyproject.toml."""

from __future__ import annotations


def how_to_install(extra: str) -> str:
    """A hint for whoever lacks it, in a folder or in a container."""
    return (
        f"In Lectern's folder: .venv/bin/pip install -e '.[{extra}]'. In a container: build the "
        f"image anew with EXTRAS={extra} (docs/containers.md)."
    )
