"""What is in deploy/ for Prometheus and Grafana, and which metrics it names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.conftest import ROOT

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
ALERTS_TEST = ROOT / "deploy" / "prometheus" / "alerts.test.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "lectern.json"
RUNBOOK = ROOT / "deploy" / "RUNBOOK.md"

# What PromQL calls by a name that is no metric's.
_AGGREGATIONS = {"group", "max", "min", "sum"}
_FUNCTIONS = {"absent", "histogram_quantile", "increase", "last_over_time", "rate"}
_WORDS = {"and", "by", "offset", "on", "or", "unless", "without"} | _AGGREGATIONS | _FUNCTIONS
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")


def alerts() -> list[dict[str, Any]]:
    """All rules, in their order."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alert_expressions() -> list[str]:
    return [rule["expr"] for rule in alerts()]


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def dashboard_expressions() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in _targets(panel)]


def _targets(panel: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = panel.get("targets", [])
    return found


def metrics_in(expression: str) -> set[str]:
    """The names of the metrics in a PromQL expression."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"", " ", expression)
    bare = re.sub(r"\b(by|on|without)\s*\([^)]*\)|\boffset\s+\w+", " ", bare)
    return set(re.findall(r"(?<![\w.$])[a-zA-Z_:][\w:]*", bare)) - _WORDS


def labels_in(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that is selected by labels, with their names."""
    for metric, matchers in _SELECTOR.findall(expression):
        yield metric, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", matchers))
