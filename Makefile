# The commands of this project. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STAMPS := $(VENV)/stamps
ARGS ?=

# Whatever ends up in the wheel: a change in any of it installs the package again.
SOURCES := pyproject.toml README.md $(shell find psylite_pipeline pipelines knowledge requirements evals/crisis model/Modelfile -type f \
	-not -name '*.pyc' 2>/dev/null | grep -v '[[:space:]]')

# The folders of PSYLITE_DATA_DIR that `make up` was called with; a command that goes through them and the usual one.
FOLDERS := $(VENV)/data-folders
everywhere = $(BIN)/psylite $(1); sort -u $(FOLDERS) 2>/dev/null | while read -r one; do \
	[ "$$one" = "$$PSYLITE_DATA_DIR" ] || { echo "$$one:"; PSYLITE_DATA_DIR="$$one" $(BIN)/psylite $(1) </dev/null; }; done

.PHONY: help install up down test test-stack test-browser shots test-encoders test-eval eval-demo train-demo bench faults soak fuzz \
	mutants audit licences sbom check docs lock clean clean-all

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMPS)/package ## The package and its locked dependencies, in .venv
	@echo "Ready: $(BIN)/psylite"

up: $(STAMPS)/package $(STAMPS)/stack ## Model, Pipelines and Open WebUI on this machine; Ctrl-C stops them (ARGS=--no-webui)
	@if [ -n "$$PSYLITE_DATA_DIR" ]; then echo "$$PSYLITE_DATA_DIR" >>$(FOLDERS); fi
	@exec $(BIN)/psylite up $(ARGS)

down: ## Stop what a lost terminal left running
	@if [ -x $(BIN)/psylite ]; then $(call everywhere,down); else echo "Nothing is installed here."; fi

test: $(STAMPS)/package $(STAMPS)/stack $(STAMPS)/dev ## Format, lint, types, import boundaries, generated docs, tests
	@scripts/check

test-stack: $(STAMPS)/package $(STAMPS)/stack $(STAMPS)/dev ## The compose file for real, in a Docker engine (root; ARGS go to pytest)
	@scripts/test-stack $(ARGS)

test-browser: $(STAMPS)/package $(STAMPS)/stack $(STAMPS)/dev $(STAMPS)/browser ## Open WebUI in a real Chromium; pictures in build/browser (ARGS go to pytest)
	@scripts/test-browser $(ARGS)

shots: test-browser ## The pictures of the documentation anew, from the browser's tests
	@scripts/shots

test-encoders: ## The extra [sentence-transformers] with a real model, in an environment of its own
	@PYTHON="$(PYTHON)" scripts/test-encoders

test-eval: ## The extra [eval] (inspect-ai, evalscope) against a scripted model, in an environment of its own
	@PYTHON="$(PYTHON)" scripts/test-eval $(ARGS)

eval-demo: ## All four evaluations on a few cases, the stand-in alone and behind the pipeline, and the report (ARGS=FOLDER)
	@PYTHON="$(PYTHON)" scripts/eval-demo $(ARGS)

train-demo: ## The making of the model, from mix to Modelfile, on a tiny random model on the CPU (ARGS=FOLDER)
	@PYTHON="$(PYTHON)" scripts/train-demo $(ARGS)

FAULTS := benchmarks/results/faults.jsonl
BENCH ?= decision output_check overhead start load usual_way retrieval index

bench: $(STAMPS)/package $(STAMPS)/stack $(STAMPS)/dev ## All measurements, some forty minutes (BENCH="decision load" for these)
	@for one in $(BENCH); do $(BIN)/python -m benchmarks.$$one $(ARGS) || exit 1; done
	@$(MAKE) --no-print-directory docs

faults: $(STAMPS)/package $(STAMPS)/stack $(STAMPS)/dev ## What a person reads and the log says at each fault, into docs/trust.md
	@rm -f $(FAULTS)
	@FAULTS_FILE=$(FAULTS) $(BIN)/pytest -q -n 0 tests/test_faults_*.py
	@$(MAKE) --no-print-directory docs

soak: $(STAMPS)/package $(STAMPS)/stack $(STAMPS)/dev ## Ten minutes of people talking while everything goes wrong in turn (ARGS="--minutes 2")
	@$(BIN)/python -m benchmarks.soak $(ARGS)

fuzz: $(STAMPS)/package $(STAMPS)/trust ## Coverage-guided fuzzing, a minute a target (ARGS=-max_total_time=600)
	@for one in bodies lines scripts; do $(BIN)/python -m fuzz.$$one -max_total_time=60 $(ARGS) || exit 1; done

mutants: $(STAMPS)/package $(STAMPS)/trust ## Change the decision in small ways and see which changes no test notices (docs/mutants.md)
	@scripts/mutants $(ARGS)

audit: $(STAMPS)/trust ## Known weaknesses of what the locks name (asks a database on the network), and all licences
	@scripts/audit

licences: $(STAMPS)/trust ## docs/licences.md anew (ARGS="--also SITE-PACKAGES" for other environments)
	@$(BIN)/python scripts/licences.py --markdown docs/licences.md $(ARGS)

sbom: $(STAMPS)/trust ## Bill of materials of what is installed with the product, as CycloneDX JSON (dist/)
	@mkdir -p dist && $(BIN)/python scripts/licences.py --sbom dist/psylite-pipeline.cdx.json

check: test

docs: $(STAMPS)/package $(STAMPS)/dev ## Write the generated parts of the documentation again
	@$(BIN)/cog -r README.md README.zh.md docs/*.md

lock: ## Make the lock files anew
	@scripts/lock

clean: ## Remove caches of the tools
	@rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +

clean-all: clean ## Stop everything and remove all it ever wrote: data folder, models, .venv
	@if [ -x $(BIN)/psylite ]; then $(call everywhere,clean --yes); fi
	@rm -rf $(VENV) .venv-encoders .venv-eval .venv-model

$(STAMPS)/venv:
	@scripts/make-venv "$(PYTHON)" "$(VENV)"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/core: requirements/core.txt | $(STAMPS)/venv
	@echo "Installing the locked dependencies"
	@$(PIP) --require-hashes -r $<
	@touch $@

$(STAMPS)/package: $(SOURCES) | $(STAMPS)/core
	@echo "Installing PsyLite pipeline"
	@$(PIP) --no-deps --no-build-isolation --no-index --force-reinstall .
	@touch $@

$(STAMPS)/stack: requirements/stack.txt | $(STAMPS)/core
	@echo "Installing what the stack needs"
	@$(PIP) --require-hashes -r $<
	@touch $@

$(STAMPS)/trust: requirements/trust.txt $(STAMPS)/dev
	@echo "Installing what fuzzing, mutation and audit need"
	@$(PIP) --require-hashes -r $<
	@touch $@

$(STAMPS)/dev: requirements/dev.txt | $(STAMPS)/core
	@echo "Installing what the tests need"
	@$(PIP) --require-hashes -r $<
	@touch $@

$(STAMPS)/browser: requirements/browser.txt | $(STAMPS)/dev
	@echo "Installing what drives a browser"
	@$(PIP) --require-hashes -r $<
	@touch $@
