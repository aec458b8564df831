"""The frame that each long-running process hangs in: settings, state, keys, logs, metrics, health."""
