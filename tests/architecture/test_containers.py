"""The image and the compose files, without an engine: what they name exists, and is safe."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from corpus.settings import Settings
from tests.conftest import ROOT
from tests.manifests import (
    COMPOSE,
    DOCKERFILE,
    PRODUCTION,
    compose,
    is_command,
    services,
    tool,
    unknown_variables,
)

SECRETS = {
    "POSTGRES_PASSWORD": "a",
    "QDRANT_API_KEY": "b",
    "AWS_ACCESS_KEY_ID": "c",
    "AWS_SECRET_ACCESS_KEY": "d",
}
TEXT = DOCKERFILE.read_text()
# Images by others, which have settings of their own.
OTHERS = {"postgres", "qdrant", "s3", "proxy", "prometheus", "grafana"}


@pytest.fixture(scope="module")
def one_machine() -> dict[str, dict[str, Any]]:
    return services(COMPOSE)


@pytest.fixture(scope="module")
def production() -> dict[str, dict[str, Any]]:
    return services(PRODUCTION, **SECRETS)


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    done = subprocess.run(
        [tool("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_copies_only_what_exists() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, flags=re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert len(sources) >= 7
    assert [source for source in sources if not list(ROOT.glob(source))] == []


def test_what_the_dockerfile_copies_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, flags=re.MULTILINE)
    assert not {source.split("/")[0] for line in copied for source in line.split()} & set(ignored)


def test_every_extra_has_a_list_for_images() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    table = project.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = set(re.findall(r"^(\w+) = \[", table, flags=re.MULTILINE))
    lists = {path.stem.removeprefix("extra-") for path in ROOT.glob("requirements/extra-*.txt")}
    assert extras == lists
    (said,) = re.findall(r"^# Any of: (.+)$", TEXT, flags=re.MULTILINE)
    assert set(said.split()) == extras


def test_the_image_runs_a_command_that_exists_as_a_fixed_user() -> None:
    (entry,) = re.findall(r'^ENTRYPOINT \["/usr/bin/tini", "--", "lectern"\]$', TEXT, re.MULTILINE)
    assert entry
    (command,) = re.findall(r'^CMD \["(.+)"\]$', TEXT, re.MULTILINE)
    assert is_command([command])
    assert re.search(r"^USER 10001:10001$", TEXT, re.MULTILINE)
    assert unknown_variables(set(re.findall(r"\b(LECTERN_[A-Z_]+)\b", TEXT))) == set()


@pytest.mark.parametrize("file", [COMPOSE, PRODUCTION])
def test_compose_hands_every_argument_to_the_build(file: Path) -> None:
    defaults = dict(re.findall(r'^ARG ([A-Z_]+)="?([^"\n]*)"?$', TEXT, re.MULTILINE))
    assert set(defaults) == {"EXTRAS", "OCR_LANGUAGES", "WITH_OFFICE"}
    assert services(file, **SECRETS)["lectern"]["build"]["args"] == defaults
    wanted = {"EXTRAS": "otel rerank", "OCR_LANGUAGES": "fra", "WITH_OFFICE": "1"}
    built = services(file, **SECRETS, **wanted, LECTERN_VERSION="1.1")
    assert built["lectern"]["build"]["args"] == wanted
    ours = [one["image"] for name, one in built.items() if name not in OTHERS]
    assert set(ours) == {"lectern:1.1"}


def test_names_of_commands_are_told_from_others() -> None:
    assert is_command(["serve", "--no-worker"])
    assert is_command(["doctor", "--ready"])
    assert not is_command(["serve", "--no-such-option"])
    assert not is_command(["no-such-command"])
    assert not is_command([])


@pytest.mark.parametrize("missing", SECRETS)
def test_production_does_not_start_without_each_secret(missing: str) -> None:
    given = {name: value for name, value in SECRETS.items() if name != missing}
    done = compose(PRODUCTION, **given)
    assert done.returncode != 0
    assert f"required variable {missing} is missing" in done.stderr


def test_the_example_of_its_settings_lists_every_variable_and_no_secret() -> None:
    example = (PRODUCTION.parent / "production.env.example").read_text()
    listed = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", example, flags=re.MULTILINE))
    assert set(listed) == set(re.findall(r"\$\{([A-Z_]+)", PRODUCTION.read_text()))
    assert {name for name in SECRETS if listed[name]} == set()


def test_a_dollar_in_single_quotes_comes_through_compose_and_to_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(COMPOSE, tmp_path / "docker-compose.yml")
    (tmp_path / ".env").write_text("LECTERN_LLM_API_KEY='pa$word #1'\n")
    inside = services(tmp_path / "docker-compose.yml")["lectern"]["environment"]
    # As compose writes a dollar of its own files.
    assert inside["LECTERN_LLM_API_KEY"].replace("$$", "$") == "pa$word #1"
    key = Settings(_env_file=tmp_path / ".env").llm_api_key
    assert key is not None
    assert key.get_secret_value() == "pa$word #1"


def test_one_machine_publishes_to_itself_alone(one_machine: dict[str, dict[str, Any]]) -> None:
    (port,) = one_machine["lectern"]["ports"]
    assert port["host_ip"] == "127.0.0.1"
    assert port["target"] == int(one_machine["lectern"]["environment"]["LECTERN_PORT"])
    assert one_machine["lectern"]["depends_on"]["first-key"]["condition"] == (
        "service_completed_successfully"
    )


def test_of_production_only_the_proxy_is_reached_from_outside(
    production: dict[str, dict[str, Any]],
) -> None:
    published = {name: one["ports"] for name, one in production.items() if "ports" in one}
    assert set(published) == {"proxy", "prometheus", "grafana"}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    for name in ("postgres", "qdrant", "s3"):
        assert set(production[name]["networks"]) == {"stores"}
    assert set(production["proxy"]["networks"]) == {"outside"}


def test_services_of_ours_name_settings_and_commands_that_exist(
    one_machine: dict[str, dict[str, Any]], production: dict[str, dict[str, Any]]
) -> None:
    for name, service in [*one_machine.items(), *production.items()]:
        if name in OTHERS:
            continue
        assert (service["image"], service["pull_policy"]) == ("lectern:local", "never")
        assert unknown_variables(set(service["environment"])) == set(), name
        if "entrypoint" not in service or not service["entrypoint"]:
            assert is_command(service["command"] or ["serve"]), name
        assert service["read_only"] is True


def test_calls_in_scripts_are_commands_that_exist() -> None:
    calls = r"^ {8,}.*\blectern ([a-z]+ .*?)(?:\)| \|\||$)"
    for file, count in ((COMPOSE, 3), (PRODUCTION, 2)):
        script = re.findall(calls, file.read_text(), re.MULTILINE)
        assert len(script) == count
        assert all(is_command(call.split()) for call in script)


# `docker compose ... exec|run ... SERVICE [lectern] COMMAND`, as the documentation says it.
CALL = re.compile(r"docker compose (?:-f (\S+) )?(exec|run) ((?:-\S+ )*)(\w+) (.+)")


def test_the_documentation_calls_services_and_commands_that_exist(
    one_machine: dict[str, dict[str, Any]], production: dict[str, dict[str, Any]]
) -> None:
    pages = (ROOT / "docs").glob("*.md")
    calls = [call for page in pages for call in CALL.findall(page.read_text())]
    assert len(calls) >= 8
    for file, how, _, service, words in calls:
        known = [production] if file else [one_machine, production]
        assert any(service in there for there in known), service
        arguments = re.split(r" - >|`| +#", words)[0].split()
        if how == "exec":
            assert arguments.pop(0) == "lectern"
        assert is_command(arguments), words


def test_backups_have_a_folder_of_the_host_wherever_they_are_made(
    one_machine: dict[str, dict[str, Any]], production: dict[str, dict[str, Any]]
) -> None:
    for there, names in (
        (one_machine, ("lectern", "backups")),
        (production, ("worker", "backups")),
    ):
        for name in names:
            volumes = there[name]["volumes"]
            mounted = {one["target"]: one["source"] for one in volumes if "source" in one}
            assert mounted["/backups"] == "./backups", name
        (script,) = there["backups"]["command"]
        assert " /backups/ " in script
        assert there["backups"]["profiles"] == ["backups"]
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {"backups", "deploy/compose/backups"} <= set(ignored)


def test_every_service_gives_up_rights_and_has_bounds(
    one_machine: dict[str, dict[str, Any]], production: dict[str, dict[str, Any]]
) -> None:
    for name, service in [*one_machine.items(), *production.items()]:
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"], name
        if service.get("restart") == "unless-stopped":
            assert int(service["mem_limit"]) >= 2**28, name


def test_images_of_others_are_pinned(production: dict[str, dict[str, Any]]) -> None:
    for name in OTHERS:
        assert re.search(r":v?\d+(\.\d+)*", production[name]["image"]), name
    version = re.search(r"qdrant:v(\d+)\.(\d+)", production["qdrant"]["image"])
    assert version is not None
    assert (int(version[1]), int(version[2])) >= (1, 19)


def test_servers_and_workers_wait_for_their_stores(production: dict[str, dict[str, Any]]) -> None:
    for name in ("lectern", "worker"):
        needs = production[name]["depends_on"]
        assert {need: said["condition"] for need, said in needs.items()} == {
            "postgres": "service_healthy",
            "qdrant": "service_healthy",
            "bucket": "service_completed_successfully",
        }
        assert production[name]["deploy"]["replicas"] == 2


def test_the_proxy_finds_the_servers_where_they_listen(
    production: dict[str, dict[str, Any]],
) -> None:
    conf = (PRODUCTION.parent / "proxy.conf").read_text()
    port = production["lectern"]["environment"]["LECTERN_PORT"]
    assert f"server lectern:{port} resolve" in conf
    (published,) = production["proxy"]["ports"]
    assert f"listen {published['target']};" in conf


def asked_by(command: list[str], variable: str, answer: int) -> tuple[int, list[str]]:
    """What a health check says of a process that answers so, and what it asks."""
    asked = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # as http.server looks for it
            asked.append(self.path)
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {variable: str(server.server_port), "http_proxy": "http://127.0.0.1:9"}
        done = subprocess.run(
            [sys.executable, *command[1:]], env=environment, capture_output=True, check=False
        )
        server.shutdown()
    return done.returncode, asked


@pytest.mark.parametrize("answer", [200, 503])
def test_health_of_a_worker_is_what_it_says(
    answer: int, production: dict[str, dict[str, Any]]
) -> None:
    worker = production["worker"]["healthcheck"]["test"][1:]
    ended = 0 if answer == 200 else 1
    assert asked_by(worker, "LECTERN_WORKER_METRICS_PORT", answer) == (ended, ["/healthz"])


def test_pythons_own_library_is_compiled_without_what_is_not_used(tmp_path: Path) -> None:
    (command,) = re.findall(r"^RUN (python -m compileall .*)$", TEXT, re.MULTILINE)
    assert TEXT.index("\nUSER ") > TEXT.index(command) > TEXT.rindex("\nFROM ")
    for folder in ("python3.11", "python3.11/site-packages"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.py").write_text("pass\n")
    here = command.replace("/usr/local/lib/", f"{tmp_path}/").replace("python ", "$PYTHON ", 1)
    environment = {"PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(["/bin/sh", "-c", here], env=environment, check=True)
    assert len([*tmp_path.glob("python3.11/__pycache__/one.*.pyc")]) == 1
    assert len([*tmp_path.rglob("*.pyc")]) == 1


def test_pythons_packages_are_installed_again_only_for_their_own_lists() -> None:
    (copied,) = re.findall(r"^COPY (.*) requirements/$", TEXT, re.MULTILINE)
    taken = {path.name for one in copied.split() for path in ROOT.glob(one)}
    assert "dev.txt" not in taken
    assert {"default.txt", "extra-otel.txt"} <= taken
