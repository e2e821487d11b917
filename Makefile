# One vocabulary for people, hooks and CI. Every target sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; call make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	@uv=$$(command -v uv || echo $(BIN)/uv); VIRTUAL_ENV=$(CURDIR)/.venv $$uv pip install --quiet --editable . --group dev
	@touch $@

.PHONY: setup
setup: .venv/.installed ## Set up .venv, which every other target does by itself

.PHONY: demo
demo: .venv/.installed ## Make a repository from model-service and run its main job
	@rm -rf rendered/iris-api
	$(BIN)/mlops-scaffold new model-service rendered/iris-api --defaults
	@$(MAKE) --no-print-directory -C rendered/iris-api demo
	@echo
	@echo "That was rendered/iris-api, made a moment ago. Look around: its README tells what to try."
	@echo "Make your own: $(BIN)/mlops-scaffold new model-service ../my-service"

.PHONY: test
test: .venv/.installed ## Run the program's tests
	$(BIN)/pytest -n 2 -m "not proof"

.PHONY: lint
lint: .venv/.installed ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: format
format: .venv/.installed ## Put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: docs
docs: .venv/.installed ## Write the generated parts of README.md, and docs/proof.md
	$(BIN)/python -m tests.docs

# Proof: every template, tested as the product it is (tests/proof/README.md). What is recorded as
# proved is not proved again, unless FRESH=1.
#   make prove TEMPLATE=model-service STEPS=render,read ANSWERS=defaults FRESH=1
PROOF := $(BIN)/python -m tests.proof
PROVE_MINUTES ?= 45

.PHONY: prove
prove: .venv/.installed ## Prove TEMPLATE (default: all) with its default answers, where it changed
	$(PROOF) prove $(TEMPLATE) $(if $(STEPS),--steps $(STEPS)) $(if $(ANSWERS),--answers $(ANSWERS)) $(if $(FRESH),--fresh)

.PHONY: prove-all
prove-all: .venv/.installed ## Prove TEMPLATE (default: all) with every answer set and real CI jobs
	$(PROOF) prove $(TEMPLATE) $(if $(STEPS),--steps $(STEPS)) --answers $(or $(ANSWERS),all) --deep $(if $(FRESH),--fresh)

.PHONY: prove-ci
prove-ci: .venv/.installed ## Prove what changed, as far as PROVE_MINUTES go, and list the rest
	$(PROOF) ci $(TEMPLATE) --minutes $(PROVE_MINUTES)

.PHONY: prove-state
prove-state: .venv/.installed ## Show what is proved, when it was, and what is not
	$(PROOF) state $(TEMPLATE)

.PHONY: prove-proof
prove-proof: .venv/.installed ## Break a tiny template on purpose; each step must notice
	$(BIN)/pytest -n 2 -m proof tests/proof/test_harness.py tests/proof/test_freshen.py

.PHONY: freshen
freshen: .venv/.installed ## Move the pins of TEMPLATE (default: all) to the newest that work
	$(PROOF) freshen $(TEMPLATE)

.PHONY: sync
sync: .venv/.installed ## Carry edits of the rendered project FROM=... back into TEMPLATE
	$(PROOF) sync $(TEMPLATE) $(FROM)

.PHONY: clean
clean: ## Remove what the targets made
	rm -rf .venv dist build rendered .proof .pytest_cache .mypy_cache .ruff_cache .hypothesis
