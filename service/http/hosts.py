"""Names of hosts, as requests and settings write them; which of them are this machine's alone."""

from __future__ import annotations

import ipaddress
import re

from corpus.settings import Settings

_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/?#@\[\]]+))(?::\d*)?")


def host_name(authority: str) -> str:
    """The name in `name:port`, in lower case; empty when there is none.

    Of an address its shortest form, without brackets.
    """
    match = _AUTHORITY.fullmatch(authority.strip())
    return _shortest(match[1] or match[2]) if match else ""


def host_names(setting: str) -> frozenset[str]:
    """The names in a list with commas, with a port or without; IPv6 also without brackets."""
    names = (one.strip() for one in setting.split(","))
    return frozenset(_shortest(one) if _is_address(one) else host_name(one) for one in names) - {""}


def is_loopback(name: str) -> bool:
    """Whether only this machine gets there."""
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def names_beyond(settings: Settings) -> list[str]:
    """Under which others could come: what it listens on, and what a proxy calls it."""
    named = {settings.host, *host_names(settings.allowed_hosts)}
    return sorted(one for one in named if not is_loopback(one))


def _shortest(name: str) -> str:
    return str(ipaddress.ip_address(name)) if _is_address(name) else name.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
