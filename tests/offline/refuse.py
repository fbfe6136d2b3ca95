"""Refuses every connection that leaves this machine, in this process."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any


class LeavingThisMachineError(OSError):
    """Something tried to reach out."""


def refuse_outgoing_connections() -> None:
    """Install an audit hook: it sees connections of every library, and cannot be taken out."""
    sys.addaudithook(_on_audit_event)


def _on_audit_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        connecting, address = arguments
        if connecting.family == socket.AF_UNIX or _is_loopback(address[0]):
            return
        raise LeavingThisMachineError(f"a test tried to connect to {address}")
    if event == "socket.getaddrinfo" and not _is_loopback(arguments[0]):
        raise LeavingThisMachineError(f"a test tried to look up {arguments[0]}")


def _is_loopback(host: object) -> bool:
    if host is None or host in {"localhost", "", b"localhost"}:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False
