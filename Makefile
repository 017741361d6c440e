# make run    install everything, then run the no-show study on synthetic data, without network
# make test   install everything, then run the tests
# `make help` lists the other commands. STUDY=digits picks another study.

PYTHON ?= python3
STUDY ?= no_show
TORCH := 2.13.0
VENV_PYTHON := .venv/bin/python
INSTALLED := .venv/.installed
PIP_INSTALL := -m pip install --quiet
CODE := src tests benchmarks docs packages

export KEDRO_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
# Tests start hundreds of processes: without bytecode each compiles the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install browser run real short short-all test coverage test-plugin test-mlflow test-airflow format check-format lint types layers check docs viz figures notebooks benchmark lock clean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

install: $(INSTALLED)  ## create .venv and install everything into it, once

$(INSTALLED): pyproject.toml packages/kedro-refresh/pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "crossfold needs Python 3.11 or newer. Name one: make run PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(VENV_PYTHON) $(PIP_INSTALL) --constraint requirements.lock --editable ./packages/kedro-refresh --editable '.[dev,docs]'
	@touch $@

# Without one, the tests of accessibility are skipped.
browser:  ## install Chromium where there is no browser and apt-get may install one
	@command -v chromium || command -v google-chrome || command -v chrome || \
	  { export PATH=$$PATH:/usr/sbin:/sbin DEBIAN_FRONTEND=noninteractive; apt-get update -qq && \
	    apt-get install -qq --no-install-recommends chromium; } > /dev/null || \
	  echo "There is no Chromium or Chrome: tests/test_accessibility.py will skip what needs it."

# One thread: on a table this small, several only get into each other's way.
run: install  ## run a study on synthetic data: no_show, or the one that STUDY= names
	OMP_NUM_THREADS=1 $(VENV_PYTHON) -m kedro run --env=sample --pipelines=$(STUDY)

real: install  ## run a study on the real data, which is downloaded once
	$(VENV_PYTHON) -m kedro run --pipelines=$(STUDY)

short: install  ## run a study on the real data with short trainings, for a first look
	$(VENV_PYTHON) -m kedro run --env=short --pipelines=$(STUDY)

short-all: STUDY = all,audit
short-all: short  ## run all studies and audits on the real data with short trainings

# Three processes of one thread each, since now and then one waits; ARGS="-n 0" runs the tests in one.
test: install  ## run the tests; pick some with ARGS="-k appointments"
	OMP_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -n 3 $(ARGS)

# Tracing every line makes tests take half as long again: it is no part of .ci/run.
coverage: install  ## measure what tests of the library and of the figures reach; fail below the floor
	OMP_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -n 2 -q tests/mlp tests/validation \
	  --cov=crossfold.mlp --cov=crossfold.validation --cov-report=term:skip-covered --cov-fail-under=96 $(ARGS)

# The oldest Kedro, and a stand-in for S3.
test-plugin: build/oldest/.installed  ## test packages/kedro-refresh with the oldest Kedro, and with remote data
	build/oldest/bin/python -m pytest -q packages/kedro-refresh $(ARGS)

test-mlflow: build/mlflow/.installed  ## test tracking with MLflow
	OMP_NUM_THREADS=1 build/mlflow/bin/python -m pytest -q tests/tracking $(ARGS)

test-airflow: build/airflow/.installed  ## run a study in Airflow
	OMP_NUM_THREADS=1 build/airflow/bin/python -m pytest -q tests/test_airflow.py $(ARGS)

build/oldest/.installed: packages/kedro-refresh/pyproject.toml
	$(PYTHON) -m venv build/oldest
	build/oldest/bin/python $(PIP_INSTALL) --editable './packages/kedro-refresh[test]' kedro==1.0.0
	@touch $@

build/mlflow/.installed: PACKAGES = --constraint requirements.lock --editable '.[mlflow]'
build/airflow/.installed: PACKAGES = 'apache-airflow==3.*' kedro-airflow

# Environments with .venv behind them: what is there is not installed again.
build/mlflow/.installed build/airflow/.installed: $(INSTALLED)
	$(PYTHON) -m venv $(@D)
	$(VENV_PYTHON) -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	  > "$$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/behind.pth"
	$(@D)/bin/python $(PIP_INSTALL) $(PACKAGES)
	@touch $@

format: install  ## format the code
	$(VENV_PYTHON) -m ruff format $(CODE)
	$(VENV_PYTHON) -m ruff check --select I --fix $(CODE)

check-format: install  ## fail where the code is not formatted
	$(VENV_PYTHON) -m ruff format --check $(CODE)

lint: install  ## find mistakes without running the code
	$(VENV_PYTHON) -m ruff check $(CODE)

types: install  ## check the types
	$(VENV_PYTHON) -m mypy

layers: install  ## check that imports point one way
	$(VENV_PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command(["--no-logo"])'

check: check-format lint types layers  ## the four checks above

docs: install  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(VENV_PYTHON) -m mkdocs build --strict --quiet

viz: install  ## show the pipelines in the browser, at http://127.0.0.1:4141
	$(VENV_PYTHON) -m kedro viz run --env=$(or $(ENV),sample)

figures: install  ## copy into docs/ what the documents show of the latest run on the real data
	$(VENV_PYTHON) docs/collect_results.py

notebooks: install  ## run everything on synthetic data, and store the notebooks with what they show
	OMP_NUM_THREADS=1 $(VENV_PYTHON) -m kedro run --env=sample --pipelines=all,audit
	OMP_NUM_THREADS=1 $(VENV_PYTHON) docs/execute_notebooks.py

benchmark: install  ## measure training speed; ARGS="--write" renews the documents
	$(VENV_PYTHON) benchmarks/training.py $(ARGS)

# Names and versions only. The platform's own packages (CUDA) and torch's build suffix stay out.
lock:  ## resolve all dependencies anew and write requirements.lock
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python $(PIP_INSTALL) torch==$(TORCH)
	build/lock/bin/python $(PIP_INSTALL) ./packages/kedro-refresh '.[dev,docs,mlflow,notebooks]'
	build/lock/bin/python -m pip freeze --all --exclude crossfold --exclude kedro-refresh --exclude pip \
	  | sed 's/+cpu$$//' | grep -viE '^(nvidia|cuda|triton)' | LC_ALL=C sort -f > requirements.lock
	rm -rf build/lock

clean:  ## remove the environment and what tools left; data/ stays
	rm -rf .venv build site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage*
