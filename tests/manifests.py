"""What deploy/ says to Docker and to Kubernetes, as the tools that read it understand it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
import yaml
from typer.core import TyperGroup

from corpus.secret_files import SUFFIX, is_secret, variable_of
from corpus.settings import Settings
from lectern.cli import app
from tests.conftest import ROOT
from tests.described import openapi_app
from tests.installed import require_program

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
COMPOSE = ROOT / "docker-compose.yml"
PRODUCTION = ROOT / "deploy" / "compose" / "production.yml"
KUBERNETES = ROOT / "deploy" / "kubernetes"
COMPONENTS = sorted(path.name for path in (KUBERNETES / "components").iterdir())

Manifest = dict[str, Any]

# What deploy/ sets that is no setting of ours.
_OURS_TO_COMPOSE = {"POD_IP", "PUBLIC_HOSTS"}


def tool(name: str) -> str:
    """The program, beside Python where its wheel is installed, else of the PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.is_file() else require_program(name)


def compose(file: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What compose makes of the file, as JSON, with these variables and nothing else."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    command = [tool("docker-compose"), "--env-file", os.devnull, "--profile", "*", "-f", str(file)]
    return subprocess.run(
        [*command, "config", "--format", "json", "--no-path-resolution"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def services(file: Path, **variables: str) -> dict[str, Manifest]:
    """The services of a file that compose accepts."""
    done = compose(file, **variables)
    assert done.returncode == 0, done.stderr
    found: dict[str, Manifest] = json.loads(done.stdout)["services"]
    return found


def kustomized(folder: Path) -> list[Manifest]:
    """The resources that kustomize makes of the folder."""
    done = subprocess.run(
        [tool("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def example_overlay(
    folder: Path,
    components: list[str],
    patches: Sequence[str] = (),
    resources: Sequence[str] = (),
) -> list[Manifest]:
    """The example with these components, in a copy where its secrets are filled in."""
    copy = folder / "deploy"
    shutil.copytree(KUBERNETES.parent, copy)
    overlay = copy / "kubernetes" / "overlays" / "example"
    shutil.copy(overlay / "secrets.env.example", overlay / "secrets.env")
    file = overlay / "kustomization.yaml"
    said = yaml.safe_load(file.read_text())
    said["components"] = [f"../../components/{name}" for name in components]
    said["resources"] += resources
    said["patches"] = [{"path": name} for name in patches]
    file.write_text(yaml.safe_dump(said))
    return kustomized(overlay)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Those of the kind, by name."""
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The templates of all pods, by the name of what makes them."""
    found = {name: one["spec"] for name, one in of_kind(manifests, "Deployment").items()}
    for name, one in of_kind(manifests, "CronJob").items():
        found[name] = one["spec"]["jobTemplate"]["spec"]
    assert set(found) >= {"lectern-api", "lectern-worker"}
    return {name: one["template"] for name, one in found.items()}


def fits(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether pods with these labels are meant."""
    wanted = selector.get("matchLabels", {})
    among = selector.get("matchExpressions", [])
    return wanted.items() <= labels.items() and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"] for one in among
    )


def variables() -> set[str]:
    """The environment variables that Lectern reads."""
    names = {variable_of(Settings, name) for name in Settings.model_fields}
    secrets = {name for name, field in Settings.model_fields.items() if is_secret(field)}
    return names | {f"{variable_of(Settings, name)}{SUFFIX}" for name in secrets}


def unknown_variables(names: set[str]) -> set[str]:
    return names - variables() - _OURS_TO_COMPOSE


def paths() -> set[str]:
    """The addresses of the HTTP interface."""
    return set(openapi_app().openapi()["paths"])


def is_command(arguments: list[str]) -> bool:
    """Whether the command line has this command with these options."""
    words = [word for word in arguments if not word.startswith("-")]
    command = typer.main.get_command(app)
    for word in words[:2]:
        if not isinstance(command, TyperGroup) or word not in command.commands:
            break
        command = command.commands[word]
    else:
        word = ""
    known = {option for parameter in command.params for option in parameter.opts}
    options = {word for word in arguments if word.startswith("-")}
    return bool(words) and not isinstance(command, TyperGroup) and options <= known
