# Needs make and python3 (3.11 or later). Everything else goes into .venv, from the lock files.

PYTHON ?= python3
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

# Many tests start the product as a process, and the sandbox imports workflows at each start of one.
# Both read the bytecode that Python keeps, if the shell does not forbid to keep it.
unexport PYTHONDONTWRITEBYTECODE

PARSERS := $(addprefix tests/unit/, contracts/test_retry_after.py contracts/test_custom_headers.py \
	api/test_cursors.py api/test_request_bodies.py \
	security/test_destination_urls.py security/test_address_spellings.py)

LEDGER := PYTHONPATH=tests $(BIN)/python -m ledger

.PHONY: help setup run check test test-cluster faults soak fuzz lint format bench breaks lock clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: .venv/.runs ## Install what running needs, into .venv.

run: .venv/.runs ## Run everything on this machine.
	$(BIN)/hookwright dev

check: lint ## Check in about a minute: lint, types, layers, unit tests.
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit

test: lint ## Check everything: lint, types, layers, tests.
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-cluster: .venv/.develops ## Run what is marked for it against the Temporal at TEMPORAL_ADDRESS.
	@test -n "$(TEMPORAL_ADDRESS)" || { echo 'Set TEMPORAL_ADDRESS (docs/cluster-tests.md)'; exit 1; }
	$(BIN)/python -m pytest -m cluster --temporal-address "$(TEMPORAL_ADDRESS)"

faults: .venv/.develops ## Publish SEED's EVENTS while FAULTS strike, and check what all sides wrote down.
	$(LEDGER) --seed $(or $(SEED),1) --events $(or $(EVENTS),500) --faults $(or $(FAULTS),all) $(ARGS)

soak: .venv/.develops ## Keep a load up for MINUTES (60), and say whether memory grows.
	$(LEDGER).soak --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1) $(ARGS)

fuzz: .venv/.develops ## Try the API and all parsers with far more input: an hour or so.
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n 2 --dist worksteal --timeout 0 tests/fuzz $(PARSERS)

lint: .venv/.develops ## Check style, types and layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.develops ## Format, and mend what can be mended.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.develops ## Measure this machine: a quarter of an hour.
	$(BIN)/python -m bench

breaks: .venv/.develops ## Break the code in each way that docs/breaks.md lists: tests must notice.
	$(BIN)/python -m breaks

lock: .venv/.develops ## Choose the newest versions that pyproject.toml allows.
	$(COMPILE) --upgrade --all-extras --output-file requirements-dev.lock
	$(COMPILE) --upgrade --extra embedded --extra tracing --constraint requirements-dev.lock \
		--output-file requirements.lock
	$(BIN)/python -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' | \
		$(subst pyproject.toml,-,$(COMPILE)) --upgrade --constraint requirements-dev.lock \
		--output-file requirements-build.lock
	$(subst pyproject.toml,tests/generators/openapi-python-client.in,$(COMPILE)) --upgrade \
		--no-annotate --output-file tests/generators/openapi-python-client.lock

clean: ## Remove what setup made. The state of `hookwright dev` stays.
	rm -rf .venv

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or later is needed; name it with: make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.runs: .venv/.made pyproject.toml requirements.lock requirements-build.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock -r requirements-build.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.develops: .venv/.runs requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@
