"""Enforcement in the kernel: a charter's metric whitelist as BPF programs on the telemetry cgroup."""
