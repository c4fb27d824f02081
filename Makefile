# Every developer action has a name here. The two that a newcomer needs: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUN_STAMP := $(VENV)/.installed-run
TESTS ?= tests

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-long lint bench kubectl realapi docs lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

# What `make run` needs: the product's own locked dependencies.
$(RUN_STAMP): requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@touch $@

# What the tests need beside it.
$(STAMP): requirements/dev.txt $(RUN_STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: $(RUN_STAMP) ## embedded API server, controllers and webhook with the starter policies, until Ctrl-C
	@exec $(BIN)/python -m gatewright up policies

test: $(STAMP) ## all tests but the long ones
	$(BIN)/python -m pytest -n 2 -m "not long" $(TESTS)

test-fast: $(STAMP) ## the inner loop
	$(BIN)/python -m pytest -n 2 -m "not long and not slow" $(TESTS)

test-long: $(STAMP) ## long rounds, exploration, differentials
	$(BIN)/python -m pytest -n 2 -m long $(TESTS)

lint: $(STAMP) ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(STAMP) ## ratios and times, into bench/results.json
	$(BIN)/python -m bench

realapi: $(STAMP) ## build the real kube-apiserver, etcd and controller-manager for the tests (minutes, once)
	$(BIN)/python -m tests.realapi.build

kubectl: $(STAMP) ## print the folder of a kubectl for the tests; fetches one where PATH has none
	@$(BIN)/python -m tests.kubectl.fetch

docs: $(STAMP) ## renew the pages of docs/ that are made from data
	$(BIN)/python -m tools.differences
	$(BIN)/python -m tools.commands
	$(BIN)/python -m tools.walkthrough

lock: ## renew the locked requirements (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --extra all --custom-compile-command "make lock" pyproject.toml -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --all-extras --group dev --custom-compile-command "make lock" pyproject.toml -o requirements/dev.txt

clean: ## remove what was made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
