"""Oracles carry evidence onto the chain, k of n; each folder is one domain."""
