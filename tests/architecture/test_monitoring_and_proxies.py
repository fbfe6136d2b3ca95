"""What is in front of Lectern and beside it, without running it: ports, paths and files fit."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import validate

from tests.conftest import ROOT
from tests.deployed import ALERTS, dashboard
from tests.installed import require_program
from tests.manifests import KUBERNETES, PRODUCTION, compose, example_overlay, of_kind, paths

SECRETS = ("POSTGRES_PASSWORD", "QDRANT_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
PROMETHEUS = PRODUCTION.with_name("prometheus.yml")
PROXIES = ROOT / "deploy" / "proxies"


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    done = compose(PRODUCTION, **dict.fromkeys(SECRETS, "a"))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_promtool_takes_what_prometheus_is_told() -> None:
    done = subprocess.run(
        [require_program("promtool"), "check", "config", "--syntax-only", str(PROMETHEUS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_asks_servers_and_workers_where_they_tell(production: dict[str, Any]) -> None:
    there = production["services"]
    asked = {}
    for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]:
        (found,) = job["dns_sd_configs"]
        (name,) = found["names"]
        asked[name] = str(found["port"])
        # They find each other by the names of a network that both are in.
        assert set(there[name]["networks"]) & set(there["prometheus"]["networks"])
        key = job.get("authorization", {}).get("credentials_file")
        assert (key is not None) == (name == "lectern")
        if key:
            assert key == f"/run/secrets/{there['prometheus']['secrets'][0]['source']}"
    assert asked == {
        "lectern": str(there["lectern"]["environment"]["LECTERN_PORT"]),
        "worker": str(there["worker"]["environment"]["LECTERN_WORKER_METRICS_PORT"]),
    }
    (script,) = there["lectern"]["command"]
    assert 'LECTERN_ALLOWED_HOSTS="$$LECTERN_ALLOWED_HOSTS,$$(hostname -I' in script


def test_the_size_of_a_host_is_the_sum_of_the_limits(production: dict[str, Any]) -> None:
    always, at_will = 0.0, 0.0
    for service in production["services"].values():
        size_gib = int(service.get("mem_limit", 0)) / 2**30
        size_gib *= service.get("deploy", {}).get("replicas", 1)
        if "profiles" in service:
            at_will += size_gib
        else:
            always += size_gib
    said = (ROOT / "docs" / "production.md").read_text()
    assert f"{always:g} GiB together" in said
    assert f"{at_will:g} more" in said


def test_what_is_mounted_is_there_and_what_is_secret_is_not(production: dict[str, Any]) -> None:
    mounted: dict[str, Path] = {}
    for service in production["services"].values():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind" and volume["target"] != "/backups":
                source = PRODUCTION.parent / volume["source"]
                assert source.is_file(), source
                mounted[volume["target"]] = source
    rules = yaml.safe_load(PROMETHEUS.read_text())["rule_files"]
    assert {mounted[rule] for rule in rules} == {PRODUCTION.parent / "../prometheus/alerts.yml"}
    providers = yaml.safe_load((PRODUCTION.parent / "grafana/dashboards.yml").read_text())
    folder = providers["providers"][0]["options"]["path"]
    assert f"{folder}/lectern.json" in mounted
    ignored = (ROOT / ".gitignore").read_text().split()
    for secret in production["secrets"].values():
        assert f"/deploy/compose/{Path(secret['file']).name}" in ignored


def test_the_operator_and_grafana_are_given_what_prometheus_has(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(KUBERNETES / "prometheus-rule.sh")], capture_output=True, text=True, check=True
    )
    rule = yaml.safe_load(done.stdout)
    assert rule["kind"] == "PrometheusRule"
    assert rule["metadata"]["labels"]["release"]
    assert rule["spec"]["groups"] == yaml.safe_load(ALERTS.read_text())["groups"]
    made = of_kind(example_overlay(tmp_path, ["monitoring"]), "ConfigMap")["lectern-dashboard"]
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(made["data"]["lectern.json"]) == dashboard()


def test_no_proxy_passes_on_what_one_replica_says_of_itself() -> None:
    assert "/metrics" in paths()
    for conf in (PRODUCTION.with_name("proxy.conf"), PROXIES / "nginx.conf"):
        text = conf.read_text()
        assert text.count("{") == text.count("}")
        refused = re.findall(r"location = \S*/metrics \{\s+return 404;", text)
        assert len(refused) == len(re.findall(r"^ *listen ", text, re.MULTILINE))
        assert text.count("proxy_buffering off;") == text.count("proxy_pass ")
    assert (PROXIES / "Caddyfile").read_text().count("respond /metrics 404") == 2
    routers = yaml.safe_load((PROXIES / "traefik.yml").read_text())["http"]["routers"]
    assert all("!Path(" in router["rule"] for router in routers.values())


def test_the_ingress_leads_to_the_servers(tmp_path: Path) -> None:
    made = example_overlay(tmp_path, [], [], ["ingress.yaml"])
    (ingress,) = of_kind(made, "Ingress").values()
    validate(ingress, "1.37", strict=True)
    (rule,) = ingress["spec"]["rules"]
    service = rule["http"]["paths"][0]["backend"]["service"]
    ports = of_kind(made, "Service")[service["name"]]["spec"]["ports"]
    assert service["port"]["name"] in {port["name"] for port in ports}
    said = ingress["metadata"]["annotations"]
    assert {key.rpartition("/")[2]: value for key, value in said.items()}.items() >= {
        "proxy-body-size": "0",
        "proxy-buffering": "off",
        "proxy-request-buffering": "off",
    }.items()
