PYTHON ?= python3.11
VENV := .venv
# Tests run side by side, each worker with a database of its own.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install demo demo-check demo-reset dev shell db logs test bench bench-audit bench-pages pictures chaos conformance lint fmt clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(PIP) -r requirements-dev.txt
	touch $@ $(VENV)/.run

install: $(VENV)/.run  ## the virtual environment with what the portal runs on

demo: $(VENV)/.run  ## the portal with a stand-in for Stream, FAULTS=file for it
	$(BIN)/python manage.py demo $(if $(FAULTS),--faults "$(FAULTS)")

demo-check: $(VENV)/.run  ## the main job without a browser, on throw-away data
	$(BIN)/python manage.py demo --check

demo-reset: $(VENV)/.run  ## the demo with fresh data
	$(BIN)/python manage.py demo --reset $(if $(FAULTS),--faults "$(FAULTS)")

dev: $(VENV)/.dev  ## the demo to develop with: reload, DEBUG pages, FAULTS=file for the stand-in
	$(BIN)/python manage.py dev $(if $(FAULTS),--faults "$(FAULTS)")

shell: $(VENV)/.run  ## Django's shell on the data of the demo
	@$(BIN)/python manage.py in_demo shell

db: $(VENV)/.run  ## the database shell on the data of the demo
	@$(BIN)/python manage.py in_demo dbshell

logs: ## what the processes of the demo print, as it comes
	@ls var/demo/*.log >/dev/null 2>&1 || { echo "There are no logs yet: say 'make demo' or 'make dev' first." >&2; exit 1; }
	@tail -n 20 -F var/demo/*.log

test: $(VENV)/.dev  ## all tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

bench: $(VENV)/.dev  ## what it costs: all of it, or ONLY=batching, smaller with SCALE=0.1 (docs/performance.md)
	$(BIN)/python -m tests.benchmarks --only "$(ONLY)" --scale "$(or $(SCALE),1)"

bench-pages: $(VENV)/.dev  ## what each page costs with 1,000 and with 1,000,000 tickets (docs/performance.md)
	$(BIN)/python -m tests.benchmarks --only pages --scale "$(or $(SCALE),1)" --out var/bench-pages.json

bench-audit: $(VENV)/.dev  ## appends, checks and filters of the audit log, with up to 10,000,000 entries
	$(BIN)/python -m tests.benchmarks --only audit --scale "$(or $(SCALE),1)" --out var/bench-audit.json

pictures: $(VENV)/.dev  ## take the pictures of README and docs anew
	PICTURES=1 $(BIN)/python -m pytest -n 0 tests/browser/test_pictures.py

chaos: $(VENV)/.dev  ## kill and stop processes at every point: ROUNDS=200, the same again with SEED=
	$(BIN)/python -m tests.faults.chaos --rounds "$(or $(ROUNDS),200)" --seed "$(or $(SEED),0)"

conformance: $(VENV)/.dev  ## the table of operations through Stream's official client too, where you installed it
	@$(BIN)/python -c 'import getstream' 2>/dev/null || { \
		echo "Stream's official client is proprietary and no part of this project."; \
		echo "If its licence lets you use it, install it yourself and say 'make conformance' again:"; \
		echo "    $(BIN)/pip install getstream"; \
		echo "It speaks to a sandbox on this machine only. 'make clean' takes it away again."; \
		exit 1; }
	$(BIN)/python -m pytest tests/contract/test_operations.py

lint: $(VENV)/.dev  ## style, types, templates, settings, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files -z 'templates/*.html' | xargs -0 $(BIN)/djade --check --target-version 5.2
	PORTAL_PROFILE=test $(BIN)/python manage.py makemigrations --check --dry-run
	AUDIT_KEYS=$$($(BIN)/python -c 'import base64, datetime, secrets; year = datetime.date.today().year; print(",".join(f"{one}:{base64.b64encode(secrets.token_bytes(32)).decode()}" for one in (year, year + 1)))') \
		ALLOWED_HOSTS=portal.example.org SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))') \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

fmt: $(VENV)/.dev  ## format code and templates
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files -z 'templates/*.html' | xargs -0 $(BIN)/djade --target-version 5.2 || true

clean:  ## throw away what was made
	rm -rf $(VENV) var staticfiles .pytest_cache .mypy_cache .ruff_cache .hypothesis
