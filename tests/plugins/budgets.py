"""How many examples a property gets where each takes seconds."""

from hypothesis import settings


def few() -> settings:
    """An eighth of the profile's examples: those that send transactions, or simulate a whole network."""
    return settings(max_examples=max(3, settings().max_examples // 8))


def runs() -> settings:
    """What a machine that speaks to its devnet directly owes: 50 runs of 50 steps, or the profile's more."""
    return settings(max_examples=max(50, settings().max_examples), stateful_step_count=50)
