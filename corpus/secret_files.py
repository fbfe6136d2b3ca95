"""Secrets in files, as Docker and Kubernetes mount them: NAME_FILE says where NAME is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from corpus.errors import Misconfigured

SUFFIX = "_FILE"


class SecretFiles(PydanticBaseSettingsSource):
    """The secrets among the settings whose files are named in `variables`, by names in lower case.

    What `stronger` variables have, themselves or in a file, is not looked for. Raises
    `Misconfigured` for a file that cannot be read or is empty, and where the variables have the
    secret itself too.
    """

    def __init__(
        self,
        settings_cls: type[BaseSettings],
        variables: Mapping[str, str | None],
        stronger: Mapping[str, str | None],
    ) -> None:
        super().__init__(settings_cls)
        self._variables = variables
        self._stronger = stronger

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The secret or None, and what the settings call it."""
        key = str(field.validation_alias or field_name)
        if not is_secret(field):
            return None, key, False
        variable = variable_of(self.settings_cls, field_name)
        itself, in_file = variable.lower(), f"{variable}{SUFFIX}".lower()
        path = self._variables.get(in_file)
        if not path or self._stronger.get(itself) or self._stronger.get(in_file):
            return None, key, False
        if self._variables.get(itself):
            raise Misconfigured(
                f"{variable} and {variable}{SUFFIX} are both given.", hint="Leave one of them out."
            )
        return _read(variable, Path(path)), key, False

    def __call__(self) -> dict[str, Any]:
        """All that are given."""
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


def is_secret(field: FieldInfo) -> bool:
    """Whether its value is to be seen nowhere."""
    return field.annotation == SecretStr | None


def variable_of(settings_cls: type[BaseSettings], field_name: str) -> str:
    """The environment variable of a setting."""
    alias = settings_cls.model_fields[field_name].validation_alias
    return str(alias or f"{settings_cls.model_config['env_prefix']}{field_name.upper()}")


def _read(variable: str, path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Misconfigured(
            f"{variable}{SUFFIX} is {path}, which cannot be read: {reason}.",
            hint="Is it mounted there, and may this user (10001 in a container) read it?",
        ) from error
    if not secret:
        raise Misconfigured(
            f"{variable}{SUFFIX} is {path}, which is empty.",
            hint=f"Write the secret into it, or leave {variable}{SUFFIX} out.",
        )
    return secret
