"""The tamper-evident log: an RFC 6962 Merkle tree over entries durable once acknowledged."""
