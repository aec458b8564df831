"""The charter's domain: its policy, how a metric is decided by it, its ledger entries, evidence and notices."""
