# Three commands: `make setup`, `make demo [SONG=path]`, `make test`. They need Python >= 3.10.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Tests that run at the same time. Half of them wait for processes, so it is more than two cores have.
JOBS ?= 3

.PHONY: setup demo test lint clean docs benchmarks

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "NeuraLib needs Python 3.10 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable . --group dev
	$(BIN)/neuralib models pull basic-pitch
	@touch $@

demo: setup
	@$(BIN)/python -m tests.micro.demo $(if $(SONG),"$(SONG)")

test: setup lint
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/python -m docs.generate

benchmarks: setup
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks --resume docs/benchmarks.json --write docs/benchmarks.md $(BENCHMARKS)

clean:
	rm -rf $(VENV) demo build dist
