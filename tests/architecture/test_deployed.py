"""The dashboard, the alerts and the runbook fit each other.

That their metrics exist is found out of a server (tests/e2e/test_metrics.py).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from tests.deployed import (
    ALERTS,
    ALERTS_TEST,
    RUNBOOK,
    alert_expressions,
    alerts,
    dashboard,
    dashboard_expressions,
    labels_in,
    metrics_in,
)


def anchors() -> set[str]:
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alert_says_what_it_means_and_where_to_read_on() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names)) >= 10
    for rule in alerts():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        assert rule["alert"].startswith("Lectern")
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "runbook"}
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert file == "deploy/RUNBOOK.md"
        assert anchor in anchors(), rule["alert"]


def test_every_part_of_the_runbook_is_an_alerts_and_its_links_lead_somewhere() -> None:
    text = RUNBOOK.read_text()
    linked = {rule["annotations"]["runbook"].partition("#")[2] for rule in alerts()}
    assert anchors() - linked == {"runbook"}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors()
    for path in re.findall(r"\]\(([\w/.]+)\)", text):
        assert (RUNBOOK.parent / path).is_file(), path


def test_the_dashboard_can_be_imported() -> None:
    board = dashboard()
    assert {"title", "uid", "schemaVersion", "templating", "time"} <= set(board)
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    variables = {one["name"] for one in board["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", str(panels))) - {"__rate_interval"} <= variables
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"]


def test_no_installation_hides_another_one() -> None:
    for expression in alert_expressions():
        aggregated = re.findall(r"\b(?:sum|max|min|group)\b( by \(namespace, job)?", expression)
        assert all(aggregated), expression
    for expression in dashboard_expressions():
        selected = [labels for metric, labels in labels_in(expression)]
        assert selected
        assert all(labels >= {"namespace", "instance"} for labels in selected), expression


def test_brackets_of_the_expressions_close() -> None:
    for expression in (*alert_expressions(), *dashboard_expressions()):
        for opening, closing in ("()", "[]", "{}"):
            assert expression.count(opening) == expression.count(closing), expression


def test_names_are_read_out_of_promql() -> None:
    expression = (
        'histogram_quantile(0.95, sum by (le, route) (rate(a_bucket{x=~"y", z!="n"}[5m]'
        " offset 1h)))"
        ' / on (instance) b > 1.5 * c:d and absent(e{instance=~"$instance"}[$__rate_interval])'
    )
    assert metrics_in(expression) == {"a_bucket", "b", "c:d", "e"}
    assert list(labels_in(expression)) == [("a_bucket", {"x", "z"}), ("e", {"instance"})]


@pytest.mark.parametrize("arguments", [("check", ALERTS), ("test", ALERTS_TEST)])
def test_promtool_finds_the_alerts_right(arguments: tuple[str, object]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        reason = "promtool is not installed (Debian: apt-get install prometheus)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    command, path = arguments
    done = subprocess.run(
        [promtool, command, "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
