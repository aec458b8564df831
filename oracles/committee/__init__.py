"""How anything off-chain gets on-chain: k of n members recompute a report for themselves and sign it."""
