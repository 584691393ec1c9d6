# Everything on a bare machine with Python >= 3.11 and make. Each target makes the
# environment that it needs in .venv and does not touch anything outside this folder.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Real data, where they lie beside the checkout; tests that need them skip elsewhere.
ifneq ($(wildcard ../shared/data),)
export SKMIX_DATA ?= $(abspath ../shared/data)
endif

.PHONY: demo test lint docs benchmark clean

demo: $(VENV)/.installed-demo
	$(BIN)/python benchmarks/demo.py --out demo

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

lint: $(VENV)/.installed-tests,lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

benchmark: $(VENV)/.installed-benchmark
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/compare/no2_paper_protocol.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/compare/cost.py

clean:
	rm -rf $(VENV) build *.egg-info docs/_build docs/auto_examples docs/generated

# One stamp to a set of extras; a change of either file installs again.
$(VENV)/.installed-%: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable ".[$*]"
	touch "$@"
