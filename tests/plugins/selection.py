"""Which tests run: nightly ones only when asked for, kernel ones only where a kernel takes them."""

from __future__ import annotations

import machine
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--nightly`."""
    parser.addoption(
        "--nightly", action="store_true", help="also run the tests that are too heavy for every run"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects nightly tests unless asked for; marks kernel tests that cannot run here with the reason."""
    heavy = [item for item in items if item.get_closest_marker("nightly")]
    if heavy and not config.getoption("--nightly"):
        config.hook.pytest_deselected(items=heavy)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]
    refusal = machine.kernel_refusal() or machine.compiler_refusal()
    if refusal:
        for item in items:
            if item.get_closest_marker("kernel"):
                item.add_marker(pytest.mark.skip(reason=f"not run: {refusal}"))
