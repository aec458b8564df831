"""What every test shares: how many examples a property gets, and the plugins of this suite."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "selection", "outcomes", "devnets", "plain_reverts"]

# An example on a chain costs what it costs: time is bounded by the number of examples, not by a deadline.
_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile(
    "default", max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile(
    "ci", parent=settings.get_profile("default"), derandomize=True, print_blob=True, database=None
)
settings.register_profile(
    "nightly",
    parent=settings.get_profile("default"),
    max_examples=1000,
    stateful_step_count=60,
    print_blob=True,
)
