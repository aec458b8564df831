"""What every test shares: how many examples a property gets, and the plugins of this suite."""

from hypothesis import HealthCheck, Phase, settings

pytest_plugins = ["pytester", "selection", "outcomes", "devnets", "plain_ape", "isolation"]

# An example on a chain costs what it costs: time is bounded by the number of examples, not by a deadline.
_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)

# Hypothesis explains a failure by tracing every line of every example, of passing ones too: before Python
# 3.12 that takes several times as long as the test.
_UNTRACED = tuple(phase for phase in Phase if phase is not Phase.explain)

settings.register_profile(
    "default",
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=_SLOW_IS_FINE,
    phases=_UNTRACED,
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
