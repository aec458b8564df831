"""Governance: proposals on tracks, ballots, and who holds which power."""
