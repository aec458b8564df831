"""The commands: `westworld` and, for the audit committee, `charter-admin`."""
