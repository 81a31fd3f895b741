# SPDX-License-Identifier: Apache-2.0
# Every target works in a fresh clone that has Python 3.11 or later. `make` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
JOBS ?= 2
GROUPS := test check docs bench
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml

# Bytecode is kept: the tests start hundreds of processes, and each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo fleet-demo test check bench simulate fuzz docs lock format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/run  ## a small world that books itself, kills its engine, and proves that nothing was lost
	$(BIN)/preroll demo

fleet-demo: .venv/dev  ## a fleet on this machine: Temporal, three workers in two places, one of which is killed
	$(BIN)/python examples/fleet/fleet.py

test: .venv/dev  ## all tests, on SQLite and on PostgreSQL
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

check: .venv/dev  ## format, lint, types, imports, spelling, docs, printed pages, change notes
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell
	$(BIN)/python hatch_build.py check
	$(BIN)/python docs/printed.py --check
	$(BIN)/sphinx-build -q -W -n docs docs/_build/html
	$(BIN)/towncrier build --draft --version next >/dev/null

bench: .venv/dev  ## measure, beside a bare loop and two other engines
	$(BIN)/python -m bench

SEED ?= 1
simulate: .venv/dev  ## play many seeded worlds in virtual time; SEED=n begins elsewhere
	$(BIN)/python -m preroll.simulation --seed $(SEED) --seeds 100 --days 0.5

fuzz: .venv/dev  ## the property tests at length
	$(BIN)/python -m pytest -q tests/system/test_model.py --hypothesis-profile=fuzz --timeout=0

docs: .venv/dev  ## the documentation, in docs/_build/html
	$(BIN)/python docs/printed.py
	$(BIN)/sphinx-build -q -W -n docs docs/_build/html
	@echo docs/_build/html/index.html

format: .venv/dev  ## put the code in order
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: .venv/dev  ## resolve the dependencies again
	$(LOCK) --upgrade --all-extras -o requirements.lock
	$(LOCK) --upgrade --all-extras $(GROUPS:%=--group %) -c requirements.lock -o requirements-dev.lock

clean:  ## remove what the other targets made
	rm -rf .venv docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests bench docs -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# The environment, and two stamps in it: what running needs, and what working on it needs.
.venv/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	@touch $@

.venv/run: .venv/uv requirements.lock pyproject.toml package-lock.json hatch_build.py
	$(BIN)/uv pip install -q --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/dev: .venv/run requirements-dev.lock package-lock.json
	$(BIN)/uv pip install -q --python $(BIN)/python -r requirements-dev.lock
	$(BIN)/python hatch_build.py tools
	@touch $@
