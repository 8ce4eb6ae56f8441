# Every task of the project is a target here; `make` lists them.
# A command's exit status is the target's: nothing is ignored.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The Python that makes the environment: 3.11 or later.
BOOTSTRAP_PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV ?= .venv
PYTHON := $(VENV)/bin/python
RARECARE := $(VENV)/bin/rarecare
TEST_WORKERS ?= auto

# Where `make demo` writes, and how many invented cases.
DEMO_OUT ?= build/demo
DEMO_CASES ?= 2000000

# pip pins to these, the build backend included.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP_INSTALL := $(PYTHON) -m pip install --quiet

.PHONY: help demo test test-all real checks validation simulation lint advisories format texts docs bench check clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' \
	    $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.installed ## A synthetic European data call, from registries' files to a release with its report
	$(RARECARE) demo --out $(DEMO_OUT) --cases $(DEMO_CASES)
	$(RARECARE) classify --explain C40.2 9180/3
	$(RARECARE) survival tests/cohort/cases.csv --life-table tests/cohort/lifetable.csv \
	    --method pohar-perme --by sex --at 1,3,5,10 --synthetic --title "Invented cases" \
	    --figure $(DEMO_OUT)/survival.svg
	@echo "All of this is invented: nothing is an estimate of anything."

test: $(VENV)/.installed-dev ## Run the tests, without those marked slow
	$(PYTHON) -m pytest -n $(TEST_WORKERS) -m "not slow"

test-all: $(VENV)/.installed-dev ## Run the tests, the slow ones too
	$(PYTHON) -m pytest -n $(TEST_WORKERS)

real: $(VENV)/.installed ## Run on the real data of ../shared, where it is present
	$(PYTHON) scripts/real.py
	$(PYTHON) scripts/real_care.py --docs docs/real_care.md

checks: $(VENV)/.installed-dev ## Write docs/checks.md and the messages of the data checks from the checks
	$(PYTHON) scripts/checks.py

validation: $(VENV)/.installed-dev ## Write docs/validation_*.md from the checks of the tests
	$(PYTHON) -m tests.validation docs

simulation: $(VENV)/.installed-dev ## Write docs/validation_simulation.md: a known truth, 5 000 times
	$(PYTHON) -m tests.validation.simulation docs/validation_simulation.md

lint: $(VENV)/.installed-dev ## Check style, formatting and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	DEBUG=1 $(PYTHON) -m mypy
	$(PYTHON) -m bandit --quiet --recursive --configfile pyproject.toml src

advisories: $(VENV)/.installed-dev ## Ask the package index for advisories on the pinned versions
	$(PYTHON) -m pip_audit --requirement constraints.txt --no-deps --disable-pip --strict

format: $(VENV)/.installed-dev ## Format the code
	$(PYTHON) -m ruff format .

texts: $(VENV)/.installed-dev ## Bring the portal's texts in line with the sources, say what to translate
	$(PYTHON) scripts/catalogues.py

docs: $(VENV)/.installed-dev ## Build the documentation, into build/docs
	$(PYTHON) -m sphinx -W --keep-going --quiet -b html docs build/docs

bench: $(VENV)/.installed ## Measure speed and memory
	$(PYTHON) -m benchmarks

check: lint test docs ## Everything a change must pass: lint, test, docs

clean: ## Remove what was built and the environment
	rm -rf build $(VENV) .mypy_cache .pytest_cache .ruff_cache

# The environment. A stamp is older than what decides it: install again.

$(VENV)/.made:
	@$(BOOTSTRAP_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed: make BOOTSTRAP_PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(BOOTSTRAP_PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP_INSTALL) -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP_INSTALL) -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.installed $@
