# make quickstart | test | test-oldest | test-gpu | check | prove | bench | truth | clean
# The environment .venv is made when it is missing or when pyproject.toml or constraints.txt have changed.

# The first Python that is new enough and can make an environment; `make PYTHON=...` takes another.
CANDIDATES := python3.11 python3.12 python3.13 python3.14 python3 python
PYTHON ?= $(shell for candidate in $(CANDIDATES); do \
	"$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$candidate"; break; }; done)

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
# Each process begins with neighbours, which share fixtures, and in the end helps the others.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
TRUTH := benchmarks/verdict.py benchmarks/over_tasks.py benchmarks/candidate.py
ASKING := benchmarks/check.py benchmarks/many_trials.py benchmarks/plan.py benchmarks/real_trials.py benchmarks/search.py
PACKAGE := .venv/.installed
TOOLS := .venv/.installed-dev

# Tests start many processes: let all but the first find afield compiled.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: quickstart test test-fast test-slow test-oldest test-gpu check format prove bench truth clean

quickstart: $(PACKAGE)
	$(BIN)/afield run quickstart --out out/quickstart

# In one go: to import and collect all takes each process ten seconds. The fast ones come first (conftest.py).
test: $(TOOLS)
	$(PYTEST) -m "not long"

# The inner loop: 55 s on two cores.
test-fast: $(TOOLS)
	$(PYTEST) -m "not slow"

test-slow: $(TOOLS)
	$(PYTEST) -m "slow and not long"

# The quick tests with the oldest versions that pyproject.toml allows, in an environment of their own. Theirs may warn.
test-oldest:
	"$(PYTHON)" -m venv --clear .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	.venv-oldest/bin/python -m pip install --quiet -c constraints-oldest.txt \
		--editable '.[quickstart,clean,clip,dicom,hf,lora,optuna,ray]' build foolbox hypothesis pytest pytest-timeout pytest-xdist
	.venv-oldest/bin/python -m pytest -n auto -m "not slow" -W default

# What needs a CUDA device, skipped everywhere else; one process, since each would take memory of it.
test-gpu: $(TOOLS)
	$(BIN)/python -m pytest -m gpu

check: $(TOOLS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(TOOLS)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# All that takes longer than a CI run may: the slow tests, the long ones among them, then truth and benchmarks.
prove: $(TOOLS)
	$(PYTEST) -m slow
	$(MAKE) truth bench

# How fast it is; what wants images or results of your own stays out.
bench: $(TOOLS)
	set -e; for script in $(sort $(filter-out $(TRUTH) $(ASKING),$(wildcard benchmarks/*.py))); do \
		echo "== $$script"; $(BIN)/python "$$script"; done

# How often it is wrong: simulated studies whose truth is known (docs/how_often_wrong.md).
truth: $(TOOLS)
	set -e; for table in coverage readings verdicts metrics; do $(BIN)/python -m benchmarks.verdict "$$table"; done
	$(BIN)/python -m benchmarks.over_tasks
	$(BIN)/python -m benchmarks.candidate

clean:
	rm -rf out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# pip 25.1 is the first that knows dependency groups.
$(PACKAGE): pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		if test -z "$(PYTHON)"; then \
			echo "make: no Python 3.11 or newer that can make an environment was found (tried $(CANDIDATES));" >&2; \
			echo "install one (Debian and Ubuntu: with python3-venv) or name it: make PYTHON=/path/to/python" >&2; \
			exit 1; \
		fi; \
		echo "making .venv with $(PYTHON)"; "$(PYTHON)" -m venv --clear .venv; \
	}
	@echo "installing afield and what it needs (torch among it: gigabytes, so minutes the first time)"
	$(INSTALL) --upgrade 'pip>=25.1'
	$(INSTALL) --editable '.[quickstart]'
	touch $@

$(TOOLS): $(PACKAGE)
	$(INSTALL) --group dev
	touch $@
