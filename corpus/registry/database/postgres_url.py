"""DATABASE_URL: what it may be, what of it may be shown, and how connections are opened with it.

It is read as libpq reads it, so several hosts may be in it; every connection is opened with the one
mapping that comes of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any
from urllib.parse import parse_qsl, unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from corpus.errors import Misconfigured

# What the URL says instead of these holds.
_DEFAULTS: Mapping[str, Any] = {
    "connect_timeout": 5,  # seconds, for each address
    "application_name": "lectern",
    # Of several addresses the one of the server that writes; a standby may be behind by a deletion.
    "target_session_attrs": "read-write",
    # A host that vanishes sends nothing: noticed after about 30 s, where the system allows it.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
# User and password may have characters that libpq wants written with %: it never sees them. No
# host has an @: what stands before the last one of where the host begins is who enters.
_URL = re.compile(
    r"(?P<scheme>[\w+]+)://"
    r"((?P<user>[^:/?]*?)(:(?P<password>.*?))?@)?"
    r"(?P<where>[^@/?]*([/?].*)?)"
)
_NUMBERS = ("port", "connect_timeout")
_HINT = "Set DATABASE_URL to postgresql://user:password@host:5432/database, or leave it empty."


def shown_url(url: SecretStr) -> str:
    """Where the database is, without who may enter: hosts with their ports, and name."""
    said = _parsed(url)
    hosts = (said.get("host") or said.get("hostaddr") or "").split(",")
    ports = said.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    where = ",".join(
        f"{host or 'the local socket'}{port and ':'}{port}"
        for host, port in zip_longest(hosts, ports, fillvalue="")
    )
    return f"{where}/{said.get('dbname', '')}"


def connect_arguments(url: SecretStr) -> dict[str, Any]:
    """What psycopg is told for each connection; `Misconfigured` for any but postgresql://."""
    return {
        **_DEFAULTS,
        **_parsed(url),
        "autocommit": True,  # transactions begin as beginning.py says
        "client_encoding": "utf8",  # a server without an encoding would be read as bytes
        # A statement prepared before another process migrated the tables fails after it, and some
        # poolers lose prepared statements.
        "prepare_threshold": None,
    }


def _parsed(url: SecretStr) -> dict[str, str]:
    """The URL's parts by libpq's names for them. No error has any of them: one is the password."""
    found = _URL.fullmatch(url.get_secret_value())
    if found is None:
        raise Misconfigured("DATABASE_URL is not a URL.", hint=_HINT)
    if found["scheme"] != "postgresql":
        raise Misconfigured(f"DATABASE_URL begins with {found['scheme']}://.", hint=_HINT)
    try:
        # An empty user: libpq would look for one in what follows the ? otherwise.
        said = conninfo_to_dict(f"postgresql://@{found['where']}")
    except psycopg.ProgrammingError:
        raise Misconfigured(
            "DATABASE_URL is not a URL that libpq takes.",
            hint=f"{_HINT} psql with the same URL says what is wrong.",
        ) from None
    parts = {name: str(value) for name, value in said.items()}
    parts |= {name: unquote(found[name]) for name in ("user", "password") if found[name]}
    _require_once(found["where"], parts)
    for name in _NUMBERS:
        if not re.fullmatch(r"[\d,]*", parts.get(name, "")):
            raise Misconfigured(f"The {name} in DATABASE_URL is not a number.", hint=_HINT)
    return parts


def _require_once(where: str, parts: Mapping[str, str]) -> None:
    """Of two, libpq would take the last without a word."""
    names = [name for name, _ in parse_qsl(where.partition("?")[2], keep_blank_values=True)]
    for name in parts:
        if names.count(name) > 1:
            raise Misconfigured(
                f"DATABASE_URL says {name} twice.",
                hint="Several hosts are host1:5432,host2:5432; several options have a space (%20) "
                "between them.",
            )
