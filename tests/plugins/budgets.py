"""How many examples a property gets where each takes seconds."""

from hypothesis import settings


def few() -> settings:
    """An eighth of the profile's examples: those that send transactions, or simulate a whole network."""
    return settings(max_examples=max(3, settings().max_examples // 8))
