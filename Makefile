# make install · demo · test · check · bench · up. Needs Python 3.11–3.13, git, make and the package index, nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: install demo test check bench up clean

install: $(STAMP)

# The lock names every package with its hash, so nothing is resolved: --no-deps.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "需要 Python 3.11–3.13：make install PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q src flows tasks expectations || true
	touch $(STAMP)

# Killed with -9, make leaves nothing running behind it.
demo: export JIXIAO_END_WITH_PARENT = 1
demo: $(STAMP)
	@$(BIN)/jixiao demo

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(STAMP)
	@$(BIN)/python benchmarks/intake.py
	@$(BIN)/python benchmarks/first_light.py

# The dashboard over the runs of this folder; schedules and a worker are not part of it yet.
up: $(STAMP)
	@$(BIN)/python -m flows.dashboard

clean:
	rm -rf var out dist .mypy_cache .ruff_cache .coverage
