"""The story of the charter loop, told with real processes; `make demo` and the e2e test run the same one."""
