# `make demo`, `make test` and `make serve` install what they need into .venv; nothing else has to be done first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(VENV)-lock/bin/uv
DATA   ?= $(CURDIR)/.reelwork

.DEFAULT_GOAL := help
.PHONY: help demo serve test check lint types architecture governance openapi site wheel-check release-files soak bench lock clean

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/runtime  ## Start the service, submit bundled videos, print what was found, stop
	@$(BIN)/python scripts/demo.py

serve: $(VENV)/runtime  ## Start the service on http://127.0.0.1:8000 (data in .reelwork)
	@$(BIN)/reelwork up --data-dir $(DATA)

# Three on two cores, because a third of their time they wait. In the order of the tree: the quickest tests come last,
# so that no process ends long before the others.
PYTEST = $(BIN)/python -m pytest --numprocesses 3 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder

# Those that look at how soon something happens, which is mostly to wait for it, are kept apart from those that keep
# every core busy.
TIMED = tests/faults tests/acceptance/test_processes.py tests/acceptance/test_rescue.py tests/unit/client \
        tests/unit/db/test_sqlite.py tests/unit/queues tests/unit/test_child_process.py tests/unit/video/test_prober.py \
        tests/unit/webhooks tests/unit/worker

# Hundreds of processes are started: each would compile the package for itself.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/development  ## Run every test
	$(PYTEST) $(addprefix --ignore=,$(TIMED))
	$(PYTEST) $(TIMED)

lint: $(VENV)/development  ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/development  ## Check types
	$(BIN)/mypy

architecture: $(VENV)/development  ## Check that imports point downwards
	$(BIN)/lint-imports

governance: $(VENV)/development  ## Check scope, tree, contract and documentation: docs/explanation/scope.md
	$(BIN)/python -m tools.check_vocabulary
	$(BIN)/python -m tools.check_paths
	$(BIN)/python -m tools.check_contract
	$(BIN)/python -m tools.check_docs

site: $(VENV)/development  ## Build the documentation's site into build/site
	@$(BIN)/python -m scripts.build_site

openapi: $(VENV)/development  ## Write the API's document anew, and say what the changelog lacks
	$(BIN)/python -m tools.check_contract --renew

wheel-check: $(VENV)/development  ## Build the wheel, install it into an empty environment and try the service there
	@$(BIN)/python scripts/wheel_check.py

# What keeps one core busy, two at a time; the tests keep every core busy themselves.
check: $(VENV)/development  ## Everything CI runs
	@$(MAKE) --jobs 2 --output-sync wheel-check lint types architecture governance site demo
	@$(MAKE) test

release-files: $(VENV)/release  ## Make what is attached to the release TAG=v1.2.3 in dist
	@$(BIN)/python scripts/release_files.py --tag "$$TAG"

soak: $(VENV)/development  ## Try the job table and random clips at length, damage videos, then kill processes for ten minutes (or SOAK_KILLS=...; more: python -m tests.soak --help)
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest --timeout=1800 tests/unit/jobs/test_store_against_a_model.py tests/conformance
	REELWORK_TEST_EXAMPLES=200 $(BIN)/python -m pytest --timeout=3600 tests/acceptance/test_openapi.py
	$(BIN)/python -m tests.soak.fuzz
	$(BIN)/python -m tests.soak.fuzz_uploads
	$(BIN)/python -m tests.soak

bench: $(VENV)/bench  ## Measure, side by side, in one run
	$(BIN)/python -m benchmarks

# The installed dependencies, as pinned; made again when the pins change. The project itself is installed
# editable, so that its entry points (the command, the analyzers) exist.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11 ...'; exit 1; }
	$(PYTHON) -m venv $(VENV) \
	  || { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $@ install --quiet pip; }  # no ensurepip on some Debians

$(VENV)/runtime: requirements/runtime.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/development: requirements/dev.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/dev.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/runtime

$(VENV)/bench: requirements/bench.txt $(VENV)/development
	$(INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@

$(VENV)/release: requirements/release.txt $(VENV)/development
	$(INSTALL) --require-hashes -r requirements/release.txt
	@touch $@

# dev.txt holds all of runtime.txt and build.txt, at the same versions.
LOCK = $(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --quiet \
       --custom-compile-command 'make lock'

lock:  ## Pin the newest versions that pyproject.toml admits
	test -x $(UV) || { $(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv; }
	$(LOCK) pyproject.toml --group build --group dev --upgrade --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/runtime.txt
	$(LOCK) --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	$(LOCK) pyproject.toml --group build --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt
	$(LOCK) --group release --constraint requirements/dev.txt --output-file requirements/release.txt

clean:  ## Remove what was installed and built
	rm -rf $(VENV) $(VENV)-lock build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
