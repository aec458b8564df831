"""The charter's domain: policy, decisions, ledger entries, evidence and notices."""
