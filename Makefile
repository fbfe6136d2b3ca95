# `make` explains the targets. Set-up happens by itself, once, in .venv.
SHELL := /bin/sh
PYTHON ?= python3
# Test files at a time: they share nothing, and wait for processes for much of their time.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup serve test check lint types contracts bench lock clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lectern needs Python 3.11 or newer; set PYTHON=python3.12 for instance."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.default: requirements/default.txt pyproject.toml | $(VENV)/bin/python
	@echo "Setting up .venv (about two minutes, once) ..."
	$(PIP) install --no-deps --require-hashes -r requirements/default.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.default
	@echo "Adding the tools for tests and checks ..."
	$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.default ## Install what running takes

serve: $(VENV)/.default ## Serve on 127.0.0.1:8000 (LECTERN_PORT, LECTERN_DATA_DIR)
	@exec $(BIN)/lectern serve

test: $(VENV)/.dev ## Run every test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

check: lint types contracts test ## Everything that CI runs

lint: $(VENV)/.dev ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict
	$(BIN)/mypy

contracts: $(VENV)/.dev ## import-linter: who may import whom
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure on the files in LECTERN_DATA
	$(BIN)/python -m bench

lock: $(VENV)/.dev ## Write requirements/*.txt from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url pyproject.toml requirements/weights.in -o requirements/default.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url pyproject.toml requirements/weights.in --group dev \
	  -c requirements/default.txt -o requirements/dev.txt
	@for extra in anthropic ollama otel rerank; do \
	  echo "requirements/extra-$$extra.txt"; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url pyproject.toml --extra $$extra -c requirements/dev.txt \
	    $$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements/default.txt) \
	    -o requirements/extra-$$extra.txt || exit 1; \
	done

clean: ## Remove .venv and caches (never your data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
