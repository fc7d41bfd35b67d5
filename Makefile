# make run   set up a virtual environment and open the demo
# make check set up and run format check, lint, type check and the quick tests: a minute
# make test  the same with all tests: seven minutes on two slow cores
# make gpu   tables of an NVIDIA GPU into the folder OUT (default gpu-tables), in eight minutes
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Set, as in many containers, it has every process compile every source, and every run rewrite every test.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check lint format bench gpu clean

run: $(VENV)/.run-ready
	$(BIN)/python app.py

test: lint
	$(BIN)/python -m pytest

check: lint
	$(BIN)/python -m pytest -m "not slow"

lint: $(VENV)/.test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.test-ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.test-ready
	$(BIN)/python -m benchmarks.wct2_speed
	$(BIN)/python -m benchmarks.wct_speed
	$(BIN)/python -m benchmarks.smoothing_speed

# Without an environment of its own: PyTorch is enough, and a bare machine has nothing to install from.
gpu:
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) -m benchmarks.gpu $(or $(OUT),gpu-tables)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test-ready: requirements-dev.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/.run-ready

clean:
	rm -rf $(VENV)
