"""What Temporal is told, embedded and in docker-compose.yml."""

import yaml
from support.paths import REPOSITORY

from runtime.dev.embedded import DYNAMIC_CONFIG


def test_both_servers_are_told_the_same() -> None:
    """A setting that both have has one value, and histories are short on both."""
    text = (REPOSITORY / "deploy/dynamicconfig.yaml").read_text()
    deployed = {
        key: str(value).lower()
        for key, [each] in yaml.safe_load(text).items()
        for value in each.values()
    }
    both = deployed.keys() & DYNAMIC_CONFIG.keys()
    assert "limit.historyCount.suggestContinueAsNew" in both
    assert {key: deployed[key] for key in both} == {key: DYNAMIC_CONFIG[key] for key in both}
