"""The chain seen from a daemon: blocks, pinned reads, events, transactions that happen exactly once."""
