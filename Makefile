# The system's own build where it can make an environment: it is optimised for speed, which self-made ones often are not.
PYTHON ?= $(shell own=$$(command -pv python3.11) && $$own -c 'import ensurepip' 2>/dev/null && echo $$own || echo python3.11)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
# Tests run side by side, each worker with a database of its own. Some only wait for processes, so one more than cores.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
# Whatever database server the shell names: only `test-db` asks another one than SQLite.
ON_SQLITE = TEST_DATABASE_URL=
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)
# The servers that the lanes of tests expect on this machine; .ci/run starts them.
DB ?= postgres
POSTGRES ?= postgres://portal_test:portal_test@127.0.0.1:5432/portal

# Where the shell forbids it, every process compiles every module anew: a second of it for each command of a test.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install lock demo demo-check demo-reset dev shell db logs test test-fast test-db test-browser test-faults \
	watch cov bench bench-audit bench-pages pictures chaos quick-choices papers migration conformance lint fmt clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock | $(VENV)/bin/python
	$(PIP) -r requirements.lock
	touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	$(PIP) -r requirements-dev.lock
	touch $@ $(VENV)/.run

# The newest releases that requirements*.txt allow, for every system, with the hash of each file.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock: $(VENV)/.dev  ## requirements*.lock anew from requirements*.txt
	$(LOCK) requirements.txt --output-file requirements.lock
	$(LOCK) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock

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

test: $(VENV)/.dev  ## all tests, on SQLite; some with ARGS="-k retry"
	$(ON_SQLITE) $(PYTEST)

test-fast: $(VENV)/.dev  ## the tests without a browser and without processes
	$(ON_SQLITE) $(PYTEST) -m "not browser and not processes"

test-db: $(VENV)/.dev  ## what reads or writes tables, on DB=postgres or DB=sqlite
	$(if $(filter postgres sqlite,$(DB)),,$(error DB is postgres or sqlite, not "$(DB)"))
	PORTAL_REQUIRE=$${PORTAL_REQUIRE:-$(DB)} TEST_DATABASE_URL=$(if $(filter postgres,$(DB)),$(POSTGRES)) $(PYTEST) -m database

test-browser: $(VENV)/.dev  ## the tests that drive Chromium
	PORTAL_REQUIRE=browser $(ON_SQLITE) $(PYTEST) -m browser

test-faults: $(VENV)/.dev  ## the tests that start and kill processes
	$(ON_SQLITE) $(PYTEST) -m processes

watch: $(VENV)/.dev  ## run again what a changed file concerns, as you save it (the first run is of all)
	$(ON_SQLITE) $(BIN)/ptw --now --runner $(BIN)/python . -m pytest --testmon -m "not browser and not processes" $(ARGS)

cov: $(VENV)/.dev  ## coverage by branch of a whole run: the table, and pages in var/coverage
	$(ON_SQLITE) $(PYTEST) --cov --cov-report=term --cov-report=html

bench: $(VENV)/.dev  ## what it costs: all of it, or ONLY=batching, smaller with SCALE=0.1 (docs/performance.md)
	$(BIN)/python -m tests.benchmarks --only "$(ONLY)" --scale "$(or $(SCALE),1)"

bench-pages: $(VENV)/.dev  ## what each page costs with 1,000 and with 1,000,000 tickets (docs/performance.md)
	$(BIN)/python -m tests.benchmarks --only pages --scale "$(or $(SCALE),1)" --out var/bench-pages.json

bench-audit: $(VENV)/.dev  ## appends, checks and filters of the audit log, with up to 10,000,000 entries
	$(BIN)/python -m tests.benchmarks --only audit --scale "$(or $(SCALE),1)" --out var/bench-audit.json

pictures: $(VENV)/.dev  ## take the pictures of README and docs anew
	PICTURES=1 $(BIN)/python -m pytest -n 0 tests/browser/looks/test_pictures.py

chaos: $(VENV)/.dev  ## kill and stop processes at every point: ROUNDS=200, the same again with SEED=
	$(BIN)/python -m tests.faults.chaos --rounds "$(or $(ROUNDS),200)" --seed "$(or $(SEED),0)"

quick-choices: $(VENV)/.dev  ## choose modes at any speed with late answers, compare with what is stored: RUNS=200, SEED=
	PORTAL_REQUIRE=browser QUICK_RUNS="$(or $(RUNS),200)" $(if $(SEED),QUICK_SEED="$(SEED)") $(ON_SQLITE) \
		$(BIN)/python -m pytest -n 0 tests/browser/looks/test_quick_choices.py

papers: $(VENV)/.dev  ## docs/states.md, steps.md and tables.md anew from the sources
	mkdir -p var
	PORTAL_PROFILE=test $(BIN)/python manage.py state_diagram >var/page && mv var/page docs/states.md
	PORTAL_PROFILE=test $(BIN)/python manage.py step_diagram >var/page && mv var/page docs/steps.md
	PORTAL_PROFILE=test $(BIN)/python manage.py table_diagram >var/page && mv var/page docs/tables.md

migration: $(VENV)/.dev  ## a migration of what changed in the models, NAME=what_came
	PORTAL_PROFILE=test $(BIN)/python manage.py makemigrations requests_app $(if $(NAME),--name "$(NAME)")

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
	rm -rf $(VENV) var staticfiles .pytest_cache .mypy_cache .ruff_cache .hypothesis .testmondata*
