# Everything a developer or an operator types. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TOOLS := $(VENV)/.tools
PLAYGROUND := $(VENV)/.playground
COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --quiet
NAME ?=
SEED ?=

.DEFAULT_GOAL := help
.PHONY: run demo test check bench soak nemesis schema sbom audit lock clean help

run: $(INSTALLED) $(PLAYGROUND) ## install what is missing, then start everything (Ctrl-C stops)
	@$(BIN)/quancheng up

demo: $(INSTALLED) ## walk the citizen journeys in a terminal, against a running `make run`
	@$(BIN)/quancheng demo

test: $(TOOLS) $(PLAYGROUND) ## all tests but the long ones
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not soak"

soak: $(TOOLS) $(PLAYGROUND) ## the long property, crash and load runs
	$(BIN)/python -m pytest -m soak

nemesis: $(TOOLS) $(PLAYGROUND) ## faults over a running house; SEED=… for one seed, else twenty
	NEMESIS_SEED=$(or $(SEED),20261128) NEMESIS_SEEDS=$(if $(SEED),1,20) \
	  $(BIN)/python -m pytest -n 0 -s -m soak tests/journeys/nemesis$(if $(SEED),/test_nemesis.py)

check: $(TOOLS) ## lint, format, types, import contracts, schema and migration drift, sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/quancheng schema --check
	$(BIN)/quancheng documents check
	$(BIN)/quancheng architecture --check
	$(BIN)/quancheng migrate --check-drift
	$(BIN)/python -m pytest tests/test_size.py tests/test_cost.py

bench: $(TOOLS) ## side-by-side measurements (NAME=… for one) into bench/results.json
	$(BIN)/python -m bench $(NAME)

schema: $(INSTALLED) ## write schema.graphql anew
	$(BIN)/quancheng schema

sbom: $(INSTALLED) ## write sbom.json, the bill of materials of what running takes (CycloneDX)
	$(BIN)/python -m core.processes.sbom > sbom.json

audit: $(TOOLS) ## ask for known advisories of the locked packages; needs a network
	$(BIN)/uv tool run pip-audit --requirement requirements.lock --disable-pip --require-hashes

lock: $(TOOLS) ## resolve every dependency anew into requirements.lock and requirements-dev.lock
	$(COMPILE) --extra install --output-file requirements.lock
	$(COMPILE) --extra install --extra dev --extra cluster --constraint requirements.lock \
	  $$(sed -n 's/^\([a-z0-9.-]*\)[=[].*/--no-emit-package \1/p' requirements.lock) \
	  --output-file requirements-dev.lock

clean: ## remove the virtual environment and caches; the data in .data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) lacks venv (on Debian: apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m core.processes.install . requirements.lock
	@touch $@

$(TOOLS): $(INSTALLED) requirements-dev.lock
	@$(BIN)/python -m core.processes.install requirements.lock requirements-dev.lock
	@touch $@

# The playground's bundle, where its command is part of this tree; it knows itself when to rebuild.
$(PLAYGROUND): $(INSTALLED) $(wildcard bff/playground/package-lock.json bff/playground/src/*)
	@if ! $(BIN)/quancheng playground --help >/dev/null 2>&1 || $(BIN)/quancheng playground build; \
	  then touch $@; else echo "the playground is not built; everything else works" >&2; fi
