# The same targets for people and for CI. Everything is installed into $(VENV); nothing else on the machine changes.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# what pip does for an installed package, and not for one that is edited in place: commands start twice as fast
COMPILE := @$(BIN)/python -m compileall -q jobs cluster configs
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PY ?= 3.12
TORCH ?= 0
EXTRAS ?=
PRESENT ?=
REQUIREMENTS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint soak bench wheelhouse clean

help: ## say what can be made
	@echo "make TARGET, one of:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-14s%s\n", $$1, $$2 }'

demo: $(VENV)/.installed ## install, make an input larger than the memory allowed, run the main job on it, check it
	@$(BIN)/arraymill demo

test: lint ## install what the tests need; check style and types, run every test and docstring example
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.installed-test ## check style (ruff) and types (mypy --strict)
	$(BIN)/ruff check .
	$(BIN)/mypy

soak: $(VENV)/.installed-test ## every test again, with 50 times the random examples, 1000 kills and every fault at every place: hours
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest --timeout=7200 $(PYTEST_ARGS)

bench: $(VENV)/.installed-bench ## time this against NumPy, torch, dask.array and cubed on the same files: BENCH_ARGS=--quick
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

wheelhouse: $(VENV)/.installed-test ## collect wheels for a machine without network: PY=3.12, TORCH=1, EXTRAS=test, PRESENT=scipy,pandas
	@$(BIN)/python .ci/wheelhouse.py --python $(PY) $(if $(filter 1,$(TORCH)),--torch) $(if $(EXTRAS),--extras $(EXTRAS)) \
	  $(if $(PRESENT),--present $(PRESENT))

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) build dist wheelhouse *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find jobs cluster configs tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make a second run quick; a change of the requirements installs again.
$(VENV)/.installed: $(REQUIREMENTS) | $(BIN)/python
	@echo "Installing arraymill into $(VENV) (torch is large: the first time can take minutes)" >&2
	@$(PIP_INSTALL) -e .
	$(COMPILE)
	@touch $@

$(VENV)/.installed-test: $(REQUIREMENTS) | $(BIN)/python
	@echo "Installing arraymill and its tests' requirements into $(VENV) (the first time can take minutes)" >&2
	@$(PIP_INSTALL) -e '.[test,lint]'
	$(COMPILE)
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: $(REQUIREMENTS) | $(BIN)/python
	@$(PIP_INSTALL) -e '.[bench]'
	$(COMPILE)
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "arraymill needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)." >&2; \
	  echo "Name a newer one: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "python3 -m venv failed: on Debian and Ubuntu it needs the package python3-venv." >&2; rm -rf $(VENV); exit 2; }
