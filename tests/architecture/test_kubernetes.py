"""The manifests, without a cluster: schemas, and what they name exists and fits together."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from kubernetes_validate import ValidationError, validate

from corpus.registry.database.postgres import POOL_OVERFLOW, POOL_SIZE
from lectern.server.serve import SHUTDOWN_GRACE_S
from lectern.server.worker_process import DRAIN_S
from tests.deployed import dashboard_expressions, metrics_in
from tests.manifests import (
    COMPONENTS,
    DOCKERFILE,
    KUBERNETES,
    Manifest,
    example_overlay,
    fits,
    is_command,
    kustomized,
    of_kind,
    paths,
    pods,
    unknown_variables,
)

OLDEST, NEWEST = "1.33", "1.37"
# Of operators: their schemas are theirs.
CUSTOM = {"PodMonitor", "ScaledObject"}
# Its own, the lease's, its sign of life, and the one of wake-ups.
WORKERS_TAKE = 4
KEPT_FOR_COMMANDS = 10
WORKER_PATHS = {"/healthz", "/metrics"}  # lectern/server/metrics/served.py


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """The example with every component."""
    return example_overlay(tmp_path_factory.mktemp("everything"), COMPONENTS)


def containers(manifests: list[Manifest]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, deployment in of_kind(manifests, "Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        found.append((name, container))
    assert {name for name, _ in found} >= {"lectern-api", "lectern-worker"}
    return found


def labels_of(deployment: Manifest) -> dict[str, str]:
    labels: dict[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return labels


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_stands_by_itself(component: str, tmp_path: Any) -> None:  # noqa: ANN401
    bare = example_overlay(tmp_path / "without", [])
    assert len(example_overlay(tmp_path / "with", [component])) >= len(bare) + 1


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_resource(everything: list[Manifest], version: str) -> None:
    checked = [one for one in everything if one["kind"] not in CUSTOM]
    assert len(checked) >= 14
    for one in checked:
        validate(one, version, strict=True)


def test_what_is_no_resource_would_be_seen() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"portz": 1}}
    with pytest.raises(ValidationError):
        validate(wrong, NEWEST, strict=True)


def test_pods_have_settings_and_commands_that_exist(everything: list[Manifest]) -> None:
    configured = {
        key
        for one in of_kind(everything, "ConfigMap").values()
        if "grafana_dashboard" not in one["metadata"]["labels"]
        for key in one["data"]
    }
    secret = {key for one in of_kind(everything, "Secret").values() for key in one["data"]}
    assert unknown_variables((configured | secret) - {"hosts"}) == set()
    for name, template in pods(everything).items():
        (container,) = template["spec"]["containers"]
        assert is_command(container["args"]), name
        assert [next(iter(one)) for one in container["envFrom"]] == ["configMapRef", "secretRef"]
        assert unknown_variables({one["name"] for one in container["env"]}) == set(), name


def test_probes_ask_what_is_answered(everything: list[Manifest]) -> None:
    for name, container in containers(everything):
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        said = {one["name"]: one.get("value") for one in container["env"]}
        is_worker = container["args"][0] == "worker"
        variable = "LECTERN_WORKER_METRICS_PORT" if is_worker else "LECTERN_PORT"
        assert list(map(str, ports.values())) == [said[variable]]
        probes = {key: one for key, one in container.items() if key.endswith("Probe")}
        assert set(probes) >= {"startupProbe", "livenessProbe"}
        for probe in probes.values():
            assert probe["httpGet"]["port"] in ports, name
            assert probe["httpGet"]["path"] in (WORKER_PATHS if is_worker else paths()), name
        if not is_worker:
            # Who asks by the pod's address is refused unless that is a name of the service.
            assert said["LECTERN_ALLOWED_HOSTS"] == "$(PUBLIC_HOSTS),$(POD_IP)"
            order = [one["name"] for one in container["env"]]
            assert order.index("LECTERN_ALLOWED_HOSTS") > order.index("PUBLIC_HOSTS")


def test_pods_are_given_the_time_that_an_end_takes(everything: list[Manifest]) -> None:
    for name, deployment in of_kind(everything, "Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        before_s = 0
        if "lifecycle" in container:
            before_s = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
        needed_s = before_s + max(SHUTDOWN_GRACE_S, DRAIN_S) + 15
        assert pod["terminationGracePeriodSeconds"] >= needed_s, name


def test_pods_give_up_every_right(everything: list[Manifest]) -> None:
    (account,) = of_kind(everything, "ServiceAccount").values()
    assert account["automountServiceAccountToken"] is False
    for name, template in pods(everything).items():
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]


def test_selectors_meet_the_pods_that_they_are_for(everything: list[Manifest]) -> None:
    deployments = of_kind(everything, "Deployment")
    for name, deployment in deployments.items():
        assert fits(deployment["spec"]["selector"], labels_of(deployment)), name
    services = of_kind(everything, "Service")
    assert (
        services["lectern-api"]["spec"]["selector"].items()
        <= labels_of(deployments["lectern-api"]).items()
    )
    for name, budget in of_kind(everything, "PodDisruptionBudget").items():
        met = [
            one for one in deployments.values() if fits(budget["spec"]["selector"], labels_of(one))
        ]
        assert [one["metadata"]["name"] for one in met] == [name]
    scalers = (
        of_kind(everything, "HorizontalPodAutoscaler") | of_kind(everything, "ScaledObject")
    ).values()
    for scaler in scalers:
        target = scaler["spec"]["scaleTargetRef"]["name"]
        assert "replicas" not in deployments[target]["spec"]


def test_as_many_as_are_scaled_to_find_a_connection_in_postgres(
    everything: list[Manifest],
) -> None:
    (servers,) = of_kind(everything, "HorizontalPodAutoscaler").values()
    (workers,) = of_kind(everything, "ScaledObject").values()
    rolling = of_kind(everything, "Deployment")

    def most(name: str, maximum: int) -> int:
        surge: int = rolling[name]["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
        return maximum + surge

    taken = (POOL_SIZE + POOL_OVERFLOW) * most("lectern-api", servers["spec"]["maxReplicas"])
    taken += WORKERS_TAKE * most("lectern-worker", workers["spec"]["maxReplicaCount"])
    # Of 100, three are the superuser's.
    assert taken + KEPT_FOR_COMMANDS <= 100


def test_uploads_fit_on_the_disks_of_pods(everything: list[Manifest]) -> None:
    (request_mib,) = (
        int(one["data"]["LECTERN_MAX_REQUEST_MB"])
        for one in of_kind(everything, "ConfigMap").values()
        if "LECTERN_MAX_REQUEST_MB" in one["data"]
    )
    for name, template in pods(everything).items():
        pod = template["spec"]
        (container,) = pod["containers"]
        assert "ephemeral-storage" in container["resources"]["requests"], name
        if container["args"][0] in {"serve", "slack"}:
            limits = {one["name"]: one["emptyDir"] for one in pod["volumes"] if "emptyDir" in one}
            size_gib = int(limits["data"]["sizeLimit"].removesuffix("Gi"))
            assert size_gib * 1024 >= 16 * request_mib


def test_everything_is_denied_but_what_is_named(everything: list[Manifest]) -> None:
    policies = of_kind(everything, "NetworkPolicy")
    deny = policies["lectern-deny"]["spec"]
    assert set(deny) == {"podSelector", "policyTypes"}
    assert set(deny["policyTypes"]) == {"Ingress", "Egress"}
    for template in pods(everything).values():
        assert fits(deny["podSelector"], template["metadata"]["labels"])
    # Labels that kustomize adds to selectors would keep the pods from the names of everything.
    dns = policies["lectern-to-stores"]["spec"]["egress"][0]["to"][0]
    assert dns["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    listening = [port for _, container in containers(everything) for port in container["ports"]]
    opened = {
        port["port"]
        for policy in policies.values()
        for rule in policy["spec"].get("ingress", [])
        for port in rule["ports"]
    }
    assert opened == {port["containerPort"] for port in listening}


def test_pods_listen_where_probes_call(everything: list[Manifest]) -> None:
    (settings,) = (
        one["data"]
        for one in of_kind(everything, "ConfigMap").values()
        if "LECTERN_HOST" in one["data"]
    )
    for variable in ("LECTERN_HOST", "LECTERN_WORKER_METRICS_HOST"):
        assert settings[variable] == "0.0.0.0"  # noqa: S104
        for _, container in containers(everything):
            # An overlay may say otherwise, for IPv6.
            assert variable not in {one["name"] for one in container["env"]}


def test_monitors_look_where_figures_are(everything: list[Manifest]) -> None:
    watching = {name: labels_of(one) for name, one in of_kind(everything, "Deployment").items()}
    ports = {name: container["ports"][0]["name"] for name, container in containers(everything)}
    watched = set()
    for monitor in of_kind(everything, "PodMonitor").values():
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert endpoint["path"] in paths() & WORKER_PATHS
        for name, labels in watching.items():
            if fits(monitor["spec"]["selector"], labels):
                assert endpoint["port"] == ports[name]
                watched.add(name)
    assert watched == set(watching)


def test_workers_are_scaled_by_a_metric_of_the_dashboard(everything: list[Manifest]) -> None:
    (scaler,) = of_kind(everything, "ScaledObject").values()
    (trigger,) = scaler["spec"]["triggers"]
    named = metrics_in(trigger["metadata"]["query"])
    # Those of the dashboard are asked of a server (tests/e2e/test_metrics.py).
    assert named
    assert named <= set().union(*map(metrics_in, dashboard_expressions()))
    # Another installation's queue is none of ours.
    assert f'namespace="{scaler["metadata"]["namespace"]}"' in trigger["metadata"]["query"]


def test_the_database_is_believed_by_certificates_that_pods_have(
    everything: list[Manifest],
) -> None:
    example = (KUBERNETES / "overlays/example/secrets.env.example").read_text()
    (url,) = re.findall(r"^DATABASE_URL=(.*)$", example, flags=re.MULTILINE)
    asked = dict(parse_qsl(urlsplit(url.replace("REPLACE:5432", "host:5432")).query))
    # The file of Debian's package.
    assert asked["sslrootcert"] == "/etc/ssl/certs/ca-certificates.crt"
    assert '"ca-certificates ' in DOCKERFILE.read_text()
    for name, template in pods(everything).items():
        pod = template["spec"]
        (ours,) = (one for one in pod["volumes"] if one.get("configMap"))
        assert ours["configMap"] == {"name": "lectern-ca", "optional": True}, name
        mounts = pod["containers"][0]["volumeMounts"]
        (folder,) = (one["mountPath"] for one in mounts if one["name"] == ours["name"])
        assert f"{folder}/ca.crt" in example


def test_no_secret_and_no_address_works_as_it_is() -> None:
    example = (KUBERNETES / "overlays/example/secrets.env.example").read_text()
    values = re.findall(r"^[A-Z_]+=(.*)$", example, flags=re.MULTILINE)
    assert values
    assert all("REPLACE" in value for value in values)
    assert not of_kind(kustomized(KUBERNETES / "base"), "Secret")
