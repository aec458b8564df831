"""ape-foundry prints a call trace for every revert, also for one that a test expects.

Tracing costs far more than the transaction, and what is printed is never read; `reverts` compares the
message, which is there without it.
"""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Keeps ape from printing traces, where ape takes part at all."""
    if config.pluginmanager.has_plugin("ape_test"):
        from ape_ethereum.trace import Trace

        Trace.show = lambda *_args, **_options: None  # type: ignore[method-assign]
