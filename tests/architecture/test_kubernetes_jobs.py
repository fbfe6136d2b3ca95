"""Jobs in the manifests, without a cluster: backups, and commands that are run once."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes_validate import validate

from tests.manifests import KUBERNETES, Manifest, example_overlay, of_kind, pods, tool

NEWEST = "1.37"


@pytest.fixture(scope="module")
def with_jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return example_overlay(tmp_path_factory.mktemp("jobs"), ["jobs"])


def test_jobs_are_given_the_volume_for_backups(with_jobs: list[Manifest]) -> None:
    (claim,) = of_kind(with_jobs, "PersistentVolumeClaim")
    jobs = of_kind(with_jobs, "CronJob")
    assert jobs["lectern-one-off"]["spec"]["suspend"] is True
    for name in jobs:
        pod = pods(with_jobs)[name]["spec"]
        (volume,) = (one for one in pod["volumes"] if "persistentVolumeClaim" in one)
        assert volume["persistentVolumeClaim"]["claimName"] == claim
        mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
        assert mounts[volume["name"]] == "/backups"
        assert pod["restartPolicy"] == "Never"
    (container,) = pods(with_jobs)["lectern-backup"]["spec"]["containers"]
    assert container["args"][:2] == ["backup", "/backups/"]


def test_one_off_commands_become_jobs_as_they_were_typed(
    with_jobs: list[Manifest], tmp_path: Path
) -> None:
    """What needs a cluster is answered as it would be; what changes the job is kubectl's own."""
    pattern = of_kind(with_jobs, "CronJob")["lectern-one-off"]["spec"]["jobTemplate"]
    job = {"apiVersion": "batch/v1", "kind": "Job", **pattern}
    job["metadata"] = {**pattern["metadata"], "name": "made-by-the-cluster"}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    there = tmp_path / "kubectl"
    there.write_text(
        f"""#!/bin/sh
case "$*" in
  *"create job"*) cat {tmp_path}/job.yaml ;;
  *"create -f -"*) cat >{tmp_path}/created.yaml ;;
  *logs*|*wait*) ;;
  *) exec {tool("kubectl")} "$@" ;;
esac
"""
    )
    there.chmod(0o755)
    asked = ["restore", '/backups/a "b" \\c.tar', "--force"]
    done = subprocess.run(
        [str(KUBERNETES / "one-off.sh"), "--env", "LECTERN_LLM=http://a/v1?b=c", *asked],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "IMAGE": "lectern:next",
            "HOME": str(tmp_path),
        },
    )
    assert done.returncode == 0, done.stderr
    made = yaml.safe_load((tmp_path / "created.yaml").read_text())
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert (container["args"], container["image"]) == (asked, "lectern:next")
    assert {"name": "LECTERN_LLM", "value": "http://a/v1?b=c"} in container["env"]
    assert "LECTERN_DATA_DIR" in {one["name"] for one in container["env"]}
    validate(made, NEWEST, strict=True)
