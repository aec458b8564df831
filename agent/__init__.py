"""The node agent: holds a node's telemetry to the charter, and keeps the evidence."""
