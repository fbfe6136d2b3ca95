"""Findings on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from lectern.commands.findings.finding import Finding
from lectern.plain import plain
from lectern.server.logs import without_userinfo

_MARKS = {"ok": "✓", "note": "!", "broken": "✗"}


def tell(found: Iterable[Finding], *, as_json: bool) -> bool:
    """Print findings as they come, or as JSON; whether nothing is broken."""
    shown = (_safe(one) for one in found)
    if as_json:
        listed = [*shown]
        print(json.dumps({"findings": [asdict(one) for one in listed]}, indent=2))
        return not _any_broken(listed)
    is_well = True
    for one in shown:
        is_well = is_well and one.mark != "broken"
        print(f"{_MARKS[one.mark]} {one.name:<12} {one.text}", flush=True)
        if one.hint:
            print(f"  {'':<12} {one.hint}")
    return is_well


def _safe(one: Finding) -> Finding:
    said, hint = plain(without_userinfo(one.text)), plain(without_userinfo(one.hint))
    return Finding(one.mark, one.name, said, hint)


def _any_broken(found: Iterable[Finding]) -> bool:
    return any(one.mark == "broken" for one in found)
