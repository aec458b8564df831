"""The frame that every long-running process of ours hangs in: settings, state, keys, logs, metrics, health."""
