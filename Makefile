# Python and make are all this needs: the rest is installed into .venv by the first target that asks.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench-ready
LOWEST := .venv-lowest
LOWEST_READY := $(LOWEST)/.ready
# The tests that stand right above anyio, redis and msgpack.
SERVER_TESTS := tests/contract tests/wire tests/store tests/session tests/runtime
CORE_TESTS := tests/local $(SERVER_TESTS)
# The lowest versions run what stands on anyio's limiter, which set the floor, on redis-py and on
# msgpack; what the scripts do depends on none of them.
LOWEST_TESTS := tests/local/test_capacity_limiter.py tests/local/test_primitives.py \
  tests/contract tests/wire tests/session tests/runtime \
  $(addprefix tests/store/test_,connection.py dialing.py exchange.py finding.py questions.py road.py)
PYTEST := -m pytest -n 4 --dist worksteal --reruns 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-core test-lowest check format bench bench-all bench-limiter bench-local \
  bench-scale chaos chaos-limiter clean

help: ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 23

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all,test]'
	@touch $@

demo: $(READY) ## run the main job: every file of Python's standard library, over three workers
	$(BIN)/lionherd-dist demo

# They mostly wait, so several run at once. One that fails is run once more, and named in the summary:
# sessions of a second are short on a machine that is busy with something else.
test: $(READY) ## run every test
	$(BIN)/python $(PYTEST)

$(LOWEST_READY): pyproject.toml tests/lowest.txt
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[all,test]' \
	  --constraint tests/lowest.txt
	@touch $@

test-core: $(READY) ## run the tests that stand right above anyio, redis and msgpack
	$(BIN)/python $(PYTEST) $(CORE_TESTS)

test-lowest: $(LOWEST_READY) ## nearly the same, with the lowest versions of the three that are allowed
	$(LOWEST)/bin/python $(PYTEST) $(LOWEST_TESTS)

check: $(READY) ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BENCH_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

# ARGS is passed on: make bench ARGS="--rounds 1 --only ours --only raw"
bench: $(BENCH_READY) ## measure beside the limit and the fastest peers, into benchmarks/results/
	$(BIN)/python benchmarks/peers.py $(ARGS)

bench-all: $(BENCH_READY) ## the same beside all peers
	$(BIN)/python benchmarks/peers.py --all $(ARGS)

bench-local: $(READY) ## the in-process patterns beside their peers
	$(BIN)/python benchmarks/local.py $(ARGS)

bench-limiter: $(BENCH_READY) ## the limiter beside its peers
	$(BIN)/python benchmarks/limiter.py $(ARGS)

bench-scale: $(BENCH_READY) ## how it scales: workers, clients, payloads, limits, a million calls
	$(BIN)/python benchmarks/scale.py $(ARGS)

chaos: $(READY) ## kill, pause and restart everything for three minutes, before a referee
	$(BIN)/python tests/chaos/run.py

chaos-limiter: $(READY) ## kill and pause holders of one limiter for two minutes, before a referee
	$(BIN)/python tests/chaos_limiter/run.py

clean: ## remove what make made
	rm -rf $(VENV) $(LOWEST) benchmarks/.venvs benchmarks/.venv-local .mypy_cache .ruff_cache .pytest_cache build dist
