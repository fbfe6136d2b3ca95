"""Where pods may go, as an overlay says it."""

from __future__ import annotations

from pathlib import Path

from kubernetes_validate import validate

from tests.manifests import Manifest, example_overlay, fits, of_kind, pods

NEWEST = "1.37"


def test_where_pods_may_go_can_be_said(tmp_path: Path) -> None:
    def policy(folder: str, patches: list[str]) -> Manifest:
        made = example_overlay(tmp_path / folder, [], patches)
        return of_kind(made, "NetworkPolicy")["lectern-to-stores"]

    def ports(policy: Manifest) -> set[int]:
        return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}

    usual, narrow = policy("usual", []), policy("narrow", ["egress.yaml"])
    validate(narrow, NEWEST, strict=True)
    assert narrow["spec"]["podSelector"] == usual["spec"]["podSelector"]
    assert ports(narrow) == ports(usual)
    assert all(rule["to"] for rule in narrow["spec"]["egress"])


def test_other_ways_out_come_beside_the_usual_ones(tmp_path: Path) -> None:
    made = example_overlay(tmp_path, ["jobs"], ["egress.yaml"], ["more-egress.yaml"])
    policies = of_kind(made, "NetworkPolicy")
    more = policies["lectern-to-more"]
    validate(more, NEWEST, strict=True)
    assert all(rule["to"] and rule["ports"] for rule in more["spec"]["egress"])
    opened = {port["port"] for rule in more["spec"]["egress"] for port in rule["ports"]}
    usual = {443, 5432, 6333}
    assert not opened & usual
    # Ports of our own settings' examples: Ollama, OTLP, MinIO.
    assert {11434, 4318, 9000} <= opened
    for template in pods(made).values():
        assert fits(more["spec"]["podSelector"], template["metadata"]["labels"])
