# Everything on a bare machine with Python >= 3.11 and make. Each target makes the
# environment that it needs in .venv and does not touch anything outside this folder.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SMOGN := $(VENV)/smogn/bin/python
VERTICAL := $(VENV)/vertical/bin/python
VALUATION := $(VENV)/valuation/bin/python
COMPARE := OMP_NUM_THREADS=1 $(BIN)/python benchmarks/compare

# Real data, where they lie beside the checkout; tests that need them skip elsewhere.
ifneq ($(wildcard ../shared/data),)
export SKMIX_DATA ?= $(abspath ../shared/data)
endif

.PHONY: demo test lint docs benchmark asv clean

demo: $(VENV)/.installed-demo
	$(BIN)/python benchmarks/demo.py --out demo

# One thread to each worker; numba's setting becomes that of torch.
test: lint
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadgroup

lint: $(VENV)/.installed-tests,lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# Hours on one core; each script goes on where it was interrupted.
benchmark: $(VENV)/.installed-benchmark $(SMOGN) $(VERTICAL) $(VALUATION)
	$(COMPARE)/paper_protocol.py --data no2 --scratch .cache/no2.jsonl
	$(COMPARE)/paper_protocol.py --data no2 --start 60 --splits 90 --skip-reinforce --scratch .cache/no2.jsonl
	$(COMPARE)/paper_protocol.py --data thin_film --scratch .cache/thin_film.jsonl
	$(COMPARE)/all_rows.py --smogn-python $(SMOGN) --scratch .cache/all_rows.jsonl
	$(COMPARE)/shift.py --scratch .cache/shift.jsonl
	$(COMPARE)/held_out_rows.py --scratch .cache/held_out_rows.jsonl
	$(COMPARE)/cost.py
	$(COMPARE)/imbalance.py --scratch .cache/imbalance.jsonl
	$(COMPARE)/vertical.py --rivals-python $(VERTICAL) --scratch .cache/vertical.jsonl
	$(COMPARE)/imbalance_cost.py
	$(COMPARE)/active.py --scratch .cache/active.jsonl
	$(COMPARE)/active_cost.py
	$(COMPARE)/weighting.py --scratch .cache/weighting.jsonl
	$(COMPARE)/augmentation.py --scratch .cache/augmentation.jsonl
	$(COMPARE)/weighting_cost.py --rivals-python $(VALUATION)
	$(COMPARE)/human.py --scratch .cache/human.jsonl
	$(COMPARE)/human_cost.py
	$(COMPARE)/gpu.py --rollouts
	$(COMPARE)/cluster.py
	$(COMPARE)/million.py
	$(COMPARE)/tables.py --out .cache/tables

# An hour on one core: seconds and megabytes of each estimator at three sizes.
asv: $(VENV)/.installed-benchmark
	$(COMPARE)/scaling.py

# A rival that needs an older NumPy than skmix has beside it.
$(SMOGN):
	$(PYTHON) -m venv $(VENV)/smogn
	$@ -m pip install --quiet "smogn==0.1.2" "numpy<2.4" "pandas<3"

# Rivals of which one asks for an older torch than it needs.
$(VERTICAL):
	$(PYTHON) -m venv $(VENV)/vertical
	$@ -m pip install --quiet --constraint constraints.txt "pyod==3.6.7" "xgboost-cpu>=3" torch pandas tqdm
	$@ -m pip install --quiet --no-deps "deepod==0.4.1"

# A rival that asks for an older torch than its DVRL needs.
$(VALUATION):
	$(PYTHON) -m venv $(VENV)/valuation
	$@ -m pip install --quiet --constraint constraints.txt torch pandas scikit-learn tqdm requests matplotlib
	$@ -m pip install --quiet --no-deps "opendataval==1.3.0"

clean:
	rm -rf $(VENV) build *.egg-info docs/_build docs/auto_examples docs/generated docs/_generated

# One stamp to a set of extras; a change of either file installs again.
$(VENV)/.installed-%: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable ".[$*]"
	touch "$@"
