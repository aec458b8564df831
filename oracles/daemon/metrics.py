"""The Prometheus metrics that every daemon has; a domain adds its own to the same registry."""

from collections.abc import Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from oracles.chain.outbox import State
from oracles.daemon.health import Pulse


class Metrics:
    """A process's registry, and what the frame itself counts in it."""

    def __init__(self, daemon: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        Info("westworld_daemon", "Which daemon this is", registry=self.registry).info(
            {"daemon": daemon, "version": version("westworld")}
        )
        self._cycles = Counter(
            "westworld_cycles", "Cycles of each loop, by result", ["loop", "result"], registry=self.registry
        )
        self._cycle_seconds = Histogram(
            "westworld_cycle_seconds", "How long a cycle took", ["loop"], registry=self.registry
        )
        self._pulse_age = Gauge(
            "westworld_pulse_age_seconds",
            "Seconds since a loop's last good cycle",
            ["loop"],
            registry=self.registry,
        )
        self._blocks = Gauge(
            "westworld_chain_block_number", "Block numbers as seen", ["view"], registry=self.registry
        )
        self._requests = Counter(
            "westworld_rpc_requests", "JSON-RPC requests", ["method", "outcome"], registry=self.registry
        )
        self._request_seconds = Histogram(
            "westworld_rpc_request_seconds", "How long a request took", ["method"], registry=self.registry
        )
        self._outbox = Gauge(
            "westworld_outbox_rows", "Effects owed to the chain, by state", ["state"], registry=self.registry
        )

    def watch(self, loop: str, pulse: Pulse) -> None:
        """Show a pulse's age."""
        self._pulse_age.labels(loop).set_function(lambda: pulse.age)

    def cycle(self, loop: str, result: str, seconds: float) -> None:
        """Count a cycle; result is `ok`, `waiting` or `failed`."""
        self._cycles.labels(loop, result).inc()
        self._cycle_seconds.labels(loop).observe(seconds)

    def block(self, view: str, number: int) -> None:
        """Show a block number as `latest` or `finalized` has it, or as a follower has `processed` it."""
        self._blocks.labels(view).set(number)

    def request(self, method: str, outcome: str, seconds: float) -> None:
        """Count a JSON-RPC request (`oracles.chain.endpoint.Observer`)."""
        self._requests.labels(method, outcome).inc()
        self._request_seconds.labels(method).observe(seconds)

    def outbox(self, counts: Mapping[State, int]) -> None:
        """Show how many outbox rows stand where."""
        for state, count in counts.items():
            self._outbox.labels(state.value).set(count)
