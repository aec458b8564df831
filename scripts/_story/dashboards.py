"""What a member sees: Prometheus scrapes the agents, and is asked what the Grafana dashboard asks it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
from ruamel.yaml import YAML

from scripts._story.processes import Process, StoryFault, free_port, wait_for

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "charter.json"
SCRAPE_SECONDS = 1


def prometheus_binary() -> str | None:
    """Debian's prometheus where scripts/setup puts it, or the system's; None where there is none."""
    return shutil.which("prometheus", path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))


def expressions(metric: str) -> list[str]:
    """What the dashboard asks about a metric; raises StoryFault when it asks nothing."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    asked = [expression for expression in found if metric in expression]
    if not asked:
        raise StoryFault(f"the dashboard does not show {metric}")
    return asked


class Prometheus:
    """A Prometheus of its own that scrapes some ports of loopback."""

    def __init__(self, binary: str, folder: Path, ports: Sequence[int]) -> None:
        folder.mkdir()
        config = folder / "prometheus.yaml"
        targets = [f"127.0.0.1:{port}" for port in ports]
        with config.open("w") as file:
            YAML().dump(
                {
                    "global": {"scrape_interval": f"{SCRAPE_SECONDS}s"},
                    "scrape_configs": [
                        {"job_name": "westworld-agent", "static_configs": [{"targets": targets}]}
                    ],
                },
                file,
            )
        listen = f"127.0.0.1:{free_port()}"
        self._http = httpx.Client(base_url=f"http://{listen}", timeout=5)
        command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        self.process = Process("Prometheus", [*command, f"--web.listen-address={listen}"], folder / "log")

    def shows(self, expression: str, labels: Mapping[str, str]) -> None:
        """Waits until the answer has something above zero whose labels, as far as named here, are these."""
        wait_for(
            f"Prometheus to show {expression} with {labels}",
            lambda: any(
                value > 0 and all(labels.get(name, said) == said for name, said in found.items())
                for found, value in self._ask(expression)
            ),
            alive=[self.process],
        )

    def knows(self, expression: str, series: int) -> None:
        """Waits until the answer has this many series."""
        wait_for(
            f"Prometheus to know {series} of {expression}",
            lambda: len(self._ask(expression)) >= series,
            alive=[self.process],
        )

    def stop(self) -> None:
        """Ends it."""
        self._http.close()
        self.process.stop()

    def _ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        try:
            answer = self._http.get("/api/v1/query", params={"query": expression}).raise_for_status().json()
        except httpx.HTTPError:
            return []
        return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]
