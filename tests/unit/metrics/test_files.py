"""The alert rules and the dashboard: they name metrics that exist, and people can act on them."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from support.metrics import DASHBOARD, RULES, SDK_METRICS, alerts, dashboard_expressions, declared
from support.paths import REPOSITORY
from support.promql import parse, selectors

PAGE = (REPOSITORY / "docs" / "observability.md").read_text()
METRICS = {**declared(), **SDK_METRICS, "up": set()}
OF_EVERY_TARGET = {"job", "instance"}


@pytest.mark.parametrize("expression", [*alerts().values(), *dashboard_expressions()])
def test_names_what_exists(expression):
    """Every metric of an expression exists, and has each label that the expression names."""
    for selector, labels in selectors(parse(expression)):
        assert selector.name in METRICS
        assert labels <= METRICS[selector.name] | OF_EVERY_TARGET


def test_each_alert_has_its_runbook():
    """An alert's annotation leads to its section of the page, and there is no other section."""
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]:
        anchor = f"docs/observability.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook"] == anchor
        assert rule["labels"]["severity"] in {"page", "ticket"}
    assert re.findall(r"^### (Hookwright\w+)$", PAGE, re.MULTILINE) == list(alerts())


def test_the_page_lists_every_metric():
    """The page's table has each metric of ours, with its labels, and no other."""
    rows = dict(re.findall(r"^\| `(hookwright_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE))
    listed = {name: {*re.findall(r"`(\w+)`", labels)} for name, labels in rows.items()}
    ours = {
        re.sub(r"_(bucket|count|sum)$", "", name): labels - {"le"}
        for name, labels in declared().items()
        if name.startswith("hookwright_")
    }
    assert listed == ours


def test_no_label_is_a_tenants():
    """No label has values that tenants choose."""
    assert {label for labels in declared().values() for label in labels} == {
        *("outcome", "status_class", "trigger", "level", "kind", "reason", "status", "limit"),
        *("state", "health", "queue", "le"),
    }


def test_the_dashboard_shows_every_panel_in_its_own_place():
    """Panels have ids of their own, and no two overlap."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_accepts_the_rules():
    """Prometheus's own tool finds no fault with the rules."""
    subprocess.run(["promtool", "check", "rules", RULES], check=True)
