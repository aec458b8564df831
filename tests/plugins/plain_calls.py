"""What ape does around each call on top of the call itself, where a test never looks at it.

- ape-foundry prints a call trace for every revert, also for one that a test expects. Tracing costs far more
  than the transaction; `reverts` compares the message, which is there without it.
- ape asks for a contract's code before each call, to warn of an address without any: a second request.
"""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Takes both away, where ape takes part at all."""
    if config.pluginmanager.has_plugin("ape_test"):
        from ape.contracts.base import ContractMethodHandler
        from ape_ethereum.trace import Trace

        Trace.show = lambda *_args, **_options: None  # type: ignore[method-assign]
        ContractMethodHandler._validate_is_contract = lambda _self: None
