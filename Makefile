# Every target makes the environment first where it is missing. ARGS="…" is handed on to the command of a target.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
ENVIRONMENT := .venv/.complete
DBT := martian_moments_dbt
PARSED := $(DBT)/target/dagster_specs.json

# dbt opens a warehouse to render a model; here one in memory.
SQLFLUFF := MARS_DBT_DUCKDB_PATH=:memory: $(BIN)/sqlfluff

# What people ask the tables is plain SQL, and may say in which direction it orders by one column and not by the next.
EXAMPLES := --templater raw --exclude-rules structure.column_order,ambiguous.column_count,references.qualification,references.keywords,ambiguous.order_by docs/queries

# Half of a test's time is waiting for processes, so more run at once than there are processors.
PARALLEL := -n 3 --dist loadgroup --no-loadscope-reorder

COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-header --no-emit-index-url --no-annotate --quiet

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(PARSED) ## Make .venv from the lock and parse the dbt project; does nothing when both are current

# uv when it is there (with the certificates of this machine, as pip has them), else pip. Both install what the lock names, which is everything, and refuse what has another hash.
# Both compile it at once: without, and where PYTHONDONTWRITEBYTECODE is set, each process that imports Dagster compiles it for 0.9 s.
# pip does not resolve: with hashes it refuses snowflake-connector-python[…], because a lock names packages without extras.
$(ENVIRONMENT): requirements.lock pyproject.toml
	@echo "making .venv from requirements.lock"
	@set -eu; \
	if uv --version >/dev/null 2>&1; then \
		test -x $(BIN)/python || { python=$$($(find_python)); uv venv --quiet --no-python-downloads --python "$$python" .venv; }; \
		export VIRTUAL_ENV=.venv UV_SYSTEM_CERTS=1; \
		uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock; \
		uv pip install --quiet --no-deps --no-build-isolation --editable .; \
	else \
		test -x $(BIN)/pip || { python=$$($(find_python)); "$$python" -m venv --clear .venv; }; \
		export PIP_DISABLE_PIP_VERSION_CHECK=1; \
		$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements.lock; \
		$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

# A candidate is run, not only looked up: a version manager's stand-in for a Python that is not installed is found as well.
define find_python
for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14); print(sys.executable)' 2>/dev/null && exit; \
done; \
echo "No Python 3.11, 3.12 or 3.13 was found; install one, or name it: make setup PYTHON=/path/to/python" >&2; exit 1
endef

$(PARSED): martian_moments/defs/dbt_specs.py martian_moments/warehouse/models.py $(shell find $(DBT)/*.yml $(DBT)/models $(DBT)/macros $(DBT)/seeds $(DBT)/tests -type f) | $(ENVIRONMENT)
	@echo "parsing the dbt project"
	@$(BIN)/python -m martian_moments.operations.baking

.PHONY: demo
demo: setup ## Run the whole loop offline and hold it against the truth, then keep the UI (ARGS=--exit: stop instead)
	@$(BIN)/martian-moments demo $(ARGS)

.PHONY: up
up: setup ## Start the platform on NASA's live servers (ARGS=--headless: without the UI)
	@$(BIN)/martian-moments up $(ARGS)

.PHONY: test
test: setup ## Run the tests (ARGS="-k gaps": some of them; ARGS='-m "not e2e"': the fast ones)
	$(BIN)/pytest $(PARALLEL) --suite "not services and not chaos" $(ARGS)

.PHONY: services-up
services-up: setup ## Start MinIO, Kafka, PostgreSQL and Redis on loopback, in containers where an engine responds
	@$(BIN)/python -m services up

.PHONY: services-down
services-down: setup ## Stop them; their data stays (ARGS=--volumes: goes as well)
	@$(BIN)/python -m services down $(ARGS)

.PHONY: test-services
test-services: setup ## Run the tests that need the services (ARGS="-k kafka": some of them)
	CI=true $(BIN)/pytest $(PARALLEL) --suite "services and not chaos" $(ARGS)

.PHONY: test-chaos
test-chaos: setup ## Run the long tests under faults, before a release; needs make services-up
	CI=true $(BIN)/pytest --suite chaos $(ARGS)

.PHONY: test-compose
test-compose: setup ## Start docker-compose.yml for real and run the loop through it, with restarts of every service
	$(BIN)/pytest -x -s --timeout=3600 martian_moments_tests/compose/scenario.py

.PHONY: lint lint-python lint-models lint-queries
lint: setup ## Check style, types, the arrows between the packages, dependencies and SQL
	@$(MAKE) --jobs 2 --output-sync=target lint-models lint-python lint-queries

lint-python: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry martian_moments
	$(BIN)/deptry . --ignore DEP002,DEP004

lint-models: setup
	$(SQLFLUFF) lint $(DBT)

lint-queries: setup
	$(BIN)/sqlfluff lint $(EXAMPLES)

.PHONY: format
format: setup ## Put Python and SQL into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(SQLFLUFF) fix $(DBT)
	$(BIN)/sqlfluff fix $(EXAMPLES)

.PHONY: bench
bench: setup ## Measure speed and memory beside baselines (docs/benchmarks.md)
	$(BIN)/python -m bench $(ARGS)

.PHONY: screenshots
screenshots: setup ## Take the pictures in docs/ anew, with headless Chromium
	$(BIN)/python docs/screenshots.py

.PHONY: lock
lock: setup ## Resolve both locks anew from pyproject.toml (ARGS=--upgrade: to the newest versions)
	$(COMPILE) --all-extras --output-file requirements.lock $(ARGS)
	$(COMPILE) --extra image --constraints requirements.lock --output-file deploy/requirements.lock

.PHONY: clean
clean: ## Remove the environment, caches and what dbt parsed; the data in MARS_HOME stays
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis $(DBT)/target $(DBT)/logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
