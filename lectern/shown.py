"""What every command of the command line has in common: its settings, and how errors are shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from corpus.errors import LecternError
from corpus.settings import Settings
from lectern.client import ServerError
from lectern.plain import plain
from lectern.server.logs import configure_logging

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the data [LECTERN_DATA_DIR].")
]


def settings_of(data_dir: Path | None, **given: str | int | None) -> Settings:
    """The settings, with what the command line says; `ValidationError` for what they cannot be."""
    chosen = {name: value for name, value in given.items() if value is not None}
    if data_dir is not None:
        chosen["data_dir"] = str(data_dir)
    return Settings(**chosen)  # type: ignore[arg-type]  # pydantic checks them


@contextmanager
def errors_shown() -> Iterator[None]:
    """Print an error of the block, with what to do, and end with an exit code."""
    try:
        yield
    except (LecternError, ServerError) as error:
        print(plain(f"error: {error.detail}\n{error.hint}"), file=sys.stderr)
        raise typer.Exit(1) from error
    except ValidationError as error:
        for problem in error.errors():
            field = str(problem["loc"][0])
            name = f"LECTERN_{field.upper()}" if field in Settings.model_fields else field
            print(f"error: {name}: {problem['msg']}", file=sys.stderr)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as interrupt:
        raise typer.Exit(130) from interrupt


@contextmanager
def configured(data_dir: Path | None) -> Iterator[Settings]:
    """The settings of a command that logs; errors of the block are shown."""
    with errors_shown():
        settings = settings_of(data_dir)
        configure_logging(settings)
        yield settings
