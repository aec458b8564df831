# Every target sets up what it needs (scripts/setup, which does nothing once all is there) and is safe to run again.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# ape's cache belongs to this checkout, so that two checkouts never race for one.
export APE_DATA_FOLDER := $(CURDIR)/.ape
# The story and the suite start many processes: compiled modules are kept, whatever the caller's habit.
export PYTHONDONTWRITEBYTECODE :=

COVERAGE = --cov --cov-report=term:skip-covered --cov-report=xml:build/coverage.xml --cov-fail-under=85

.PHONY: help setup demo test test-nightly coverage bench reference lint matrix lock

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: ## install and build what the other targets need
	@scripts/setup

demo: setup ## run the charter loop end to end on this machine (KEEP=1 leaves its files to look at)
	@KEEP=$(KEEP) python scripts/demo.py

test: setup ## run the whole suite on the local devnet and print the maturity it shows
	ape test $(ARGS)
	@python scripts/matrix.py --summary

test-nightly: setup ## run the suite with the heavy tests, 1,000 examples a property, and branch coverage
	ape test --nightly --hypothesis-profile=nightly $(COVERAGE) $(ARGS)

coverage: setup ## run the suite and measure its branch coverage (tracing takes as long again as the tests)
	ape test $(COVERAGE) $(ARGS)

bench: setup ## run every benchmark, one after another, into build/bench/
	@for file in tests/bench/bench_*.py; do echo "== $$file"; python "$$file" || failed="$${failed:-} $$file"; done; \
	if [[ -n "$${failed:-}" ]]; then echo "did not run to their end:$$failed" >&2; exit 1; fi

reference: setup ## write ABIs, bytecode and constructors for the reference's suites into build/reference/
	@python scripts/export_reference.py

lint: setup ## check code, types, imports, shell, YAML, alerts and deployment files
	@scripts/lint

matrix: setup ## rewrite README.md's maturity matrix from the last whole test run
	@python scripts/matrix.py

lock: setup ## resolve pyproject.toml and tests/package.json anew into the lock files
	@scripts/lock
