# The README's commands. Names are relative, so that a path with spaces does no harm.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
BIN := .venv/bin
DEMO ?= demo:clarity-backend

# uv takes the machine's own certificates, as pip does, and the interpreter of .venv; it fetches neither.
UV := UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never $(BIN)/uv --quiet
# What was exported for another environment must not leak into this one.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

.venv/bin/uv: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; %s is %s. Use: make PYTHON=python3.12 ..." % (sys.executable, sys.version.split()[0]))'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@awk '/^uv==/ {found = 1} found {print} found && !/\\$$/ {exit}' requirements.lock > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.txt
	@touch $@

.venv/.notebooks: .venv/bin/uv pyproject.toml
	@echo "Installing into .venv from requirements.lock ..." >&2
	@$(UV) pip install --python $(BIN)/python --constraint requirements.lock --compile-bytecode --editable '.[notebooks]'
	@touch $@

.venv/.dev: .venv/.notebooks
	@$(UV) pip install --python $(BIN)/python --constraint requirements.lock --editable '.[dev]'
	@touch $@

report: .venv/.notebooks  ## the demo incident's report, as HTML under reports/
	@$(BIN)/ecs-notebook report $(DEMO)

test: .venv/.dev  ## format, lint, types, tests, notebooks: all that gates a change
	@sh tests/run.sh

format: .venv/.dev  ## rewrite the sources in the house format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

notebooks: .venv/.dev  ## execute the notebooks on the demo incident and store their outputs
	@$(BIN)/python -m tests.store_notebook_outputs

pictures: .venv/.dev  ## take docs/pictures/ anew: the report in Chromium, every notebook in JupyterLab
	@$(BIN)/python -m tests.make_pictures

docs: .venv/.dev  ## print docs/frames.md from the frames' schemas
	@$(BIN)/python -m ecs_notebook_lib.frames.document > docs/frames.md

lock: .venv/.dev  ## resolve pyproject.toml's dependencies anew into requirements.lock
	@$(UV) pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url --no-annotate \
		--python-version 3.11 --custom-compile-command 'make lock' --upgrade --output-file requirements.lock

soak: .venv/.dev  ## the same tests with many seeds, and the ten-minute waiter; results under benchmarks/results/
	@$(BIN)/python -m benchmarks.soak

fit: .venv/.dev  ## count the development cases into knowledge/fitted.toml
	@$(BIN)/python -m benchmarks.fit

evaluate: .venv/.dev  ## every figure of the differential beside the baselines; results under benchmarks/results/
	@$(BIN)/python -m benchmarks.evaluate

bench: .venv/.dev  ## every figure of speed, scale and endurance beside its target; results under benchmarks/results/
	@$(BIN)/python -m benchmarks.bench

clean:  ## remove the environment and everything that was made
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache

.PHONY: help report test format notebooks pictures docs lock soak fit evaluate bench clean
