VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$candidate && break; done)

PEERS := $(VENV)/.peers

# The simulator's kernels, compiled once before several processes would each compile them.
COMPILE := import envs, gymnasium; \
	tasks = [gymnasium.make(f'Hairpin/{name}-v0', labels=True) for name in ('LaneFollow', 'Weather')]; \
	[(task.reset(seed=0), task.step(0)) for task in tasks]

HIGHWAY := $(VENV)/highway

.PHONY: train test setup highway

train: setup
	$(BIN)/python scripts/train_agent.py $(OPTIONS)

test: setup $(PEERS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/python -c "$(COMPILE)"
	$(BIN)/pytest -n 2 --dist loadfile

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { \
		echo "No Python 3.11 or newer found: install one, or name it with make PYTHON=/path/to/python3."; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c requirements.lock -e '.[dev]'
	touch $@

# A peer that brings another pygame has an environment of its own; benchmark.py looks for it there.
highway: setup
	test -x $(HIGHWAY)/bin/python || $(PYTHON) -m venv $(HIGHWAY)
	$(HIGHWAY)/bin/python -m pip install 'highway-env>=1.10'

# What is tried beside Hairpin; where it cannot be installed, the tests of it are skipped.
$(PEERS): $(INSTALLED)
	@if $(BIN)/python -m pip install -c requirements.lock -e '.[peers]'; then touch $@; \
		else echo "The peers cannot be installed here: their tests are skipped."; fi
